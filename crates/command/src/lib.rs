//! Runs a program with a deadline, a process group of its own and bounded output.
#![forbid(unsafe_code)]
