//! Files by open descriptor only: nothing outside a root is touched, whoever races.

mod metadata;
mod name;

pub use metadata::{Access, Identity, Kind, Metadata};
pub use name::{escaped, is_system_path};
