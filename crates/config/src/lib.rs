//! Layers of settings, checked into policies.
#![forbid(unsafe_code)]
