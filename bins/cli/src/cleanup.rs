//! What the programs that clean up share: an end at the next entry, and bringing back.

mod stop;
mod trash;

pub use stop::Stop;
pub use trash::{Place, kept, undo};
