//! Asks supervisord over its unix socket, each call with a deadline.
#![forbid(unsafe_code)]
