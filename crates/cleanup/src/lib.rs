//! Removes what is too old and shortens what is too large.
#![forbid(unsafe_code)]
