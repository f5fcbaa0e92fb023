//! Each failure model against what it must lead to.

mod actions;
mod basics;
mod boots;
mod fault_file;
mod files;
mod host;
mod scene;
