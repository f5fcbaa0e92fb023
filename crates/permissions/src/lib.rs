//! Keeps mode, owner and group of a tree as a policy says.
#![forbid(unsafe_code)]
