//! What the programs that clean up share: bringing back.

mod trash;

pub use trash::{Place, kept, undo};
