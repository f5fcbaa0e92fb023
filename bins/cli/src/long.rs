//! Work that takes its time: a bar for whoever waits, and an end at a signal with nothing left half done.

mod bar;
mod stop;

pub use bar::Bar;
pub use stop::Stop;
