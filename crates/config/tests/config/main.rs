//! The settings as an operator meets them: layers, presets, and what is said about mistakes.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod chosen;
mod errors;
mod host;
mod layers;
mod parts;
mod presets;
mod robust;
mod secrets;
