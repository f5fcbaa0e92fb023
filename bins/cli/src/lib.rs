//! What all binaries share: flags, exit codes, log set-up, printing.
#![forbid(unsafe_code)]
