//! What the programs that clean up share: an end at the next entry, a bar for long runs, and bringing back.

mod bar;
mod stop;
mod trash;

pub use bar::Bar;
pub use stop::Stop;
pub use trash::{Place, kept, undo};
