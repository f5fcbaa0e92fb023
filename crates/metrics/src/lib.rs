//! Registry, exposition and alert rules.
#![forbid(unsafe_code)]
