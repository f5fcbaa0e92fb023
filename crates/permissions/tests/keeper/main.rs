//! A keeper against real events of the kernel, each test by both interfaces; every wait has a deadline.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod attribution;
mod capacity;
mod fights;
mod help;
mod roots;
mod trees;
