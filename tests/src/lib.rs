//! Built programs against the real host.
#![forbid(unsafe_code)]
