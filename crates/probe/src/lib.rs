//! Measures one target once.
#![forbid(unsafe_code)]
