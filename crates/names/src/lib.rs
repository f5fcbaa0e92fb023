//! Globs for the names of directory entries, and whether two of them can mean the same name.
//!
//! A rule about files says which by a [`Glob`], compared with the last component of a path, byte by byte. What can never
//! match is refused when it is read. [`Glob::overlaps`] and [`Glob::covers`] tell, without any file, whether two rules
//! want the same entry, and whether an earlier one leaves a later one nothing to do.
//!
//! For rules that are checked before they run. Matching whole paths is left to others. Nothing here reads the host.
//!
//! ```
//! use evenkeel_names::Glob;
//!
//! # fn main() -> Result<(), evenkeel_names::GlobError> {
//! let hashes = Glob::try_new("*.hash")?;
//! assert!(hashes.is_match("worker-1.hash"));
//! assert!(hashes.overlaps(&Glob::try_new("worker*")?));
//! assert!(!hashes.overlaps(&Glob::try_new("*.log")?));
//! assert!(hashes.covers(&Glob::try_new("worker-?.hash")?));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod automaton;

mod glob;

pub use glob::{Glob, GlobError, GlobSet, LONGEST_NAME_BYTES};
