//! Joins the pure cores: inputs in, effects out.
#![forbid(unsafe_code)]
