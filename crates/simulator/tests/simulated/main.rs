//! Each failure model against what it must lead to.

mod basics;
mod scene;
