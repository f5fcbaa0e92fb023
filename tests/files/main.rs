//! The built programs against hostile directories: nothing outside a rule's root is ever touched, whoever races.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod acts;
mod area;
mod attacker;
mod depth;
mod full;
mod kernels;
mod killed;
mod kinds;
mod mounts;
mod names;
mod obstacles;
mod people;
mod race;
mod writer;
