//! Values with a text form of their own: durations, sizes, modes, rates and thresholds.
//!
//! A value that cannot be read says so in one line, and in the lines below it what is accepted.

mod age;
mod duration;
mod loose;
mod mode;
mod off;
mod share;
mod size;
mod threshold;

pub(crate) use duration::Lasting;
pub(crate) use loose::{NameOrNumber, OneOrMany, Scalar, Status};
pub(crate) use mode::Mode;
pub(crate) use off::{OrNever, OrOff};
pub(crate) use share::Share;
pub(crate) use size::Size;
pub(crate) use threshold::Threshold;

pub use age::{Age, parse_age};
pub use duration::{format_duration, parse_duration};
pub use loose::parse_status;
pub use mode::{format_mode, parse_mode};
pub use size::{format_size, parse_size};

/// A value that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\naccepted: {accepted}")]
pub struct ValueError {
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: String,
}

impl ValueError {
    fn new(message: impl Into<String>, accepted: &str) -> Self {
        Self { message: message.into(), accepted: accepted.to_owned() }
    }
}
