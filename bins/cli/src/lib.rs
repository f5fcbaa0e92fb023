//! What all binaries share: flags, exit codes, log set-up, printing.
//!
//! A binary derives its arguments with clap, flattens [`Common`] into them and hands its work to [`run`]:
//!
//! ```no_run
//! use clap::Parser;
//! use evenkeel_cli::{Common, Exit, Failure};
//!
//! #[derive(Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     common: Common,
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let args: Args = evenkeel_cli::parse();
//!     evenkeel_cli::run("evenkeel-example", &args.common, || Ok(Exit::Holds))
//! }
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "agent")]
pub mod agent;
mod bar;
#[cfg(feature = "cleanup")]
pub mod cleanup;
mod common;
pub mod describe;
mod exit;
pub mod fit;
mod log;
mod output;
#[cfg(feature = "stop")]
mod stop;

pub use bar::{Bar, with_bar};
/// The shells for which there are completions.
pub use clap_complete::Shell;
pub use common::{ColorWhen, Common};
pub use describe::{parse, try_parse};
/// The path or name of a file for people: no two look alike, and none drives a terminal.
pub use evenkeel_safefs::escaped as escaped_path;
/// Figures with their units.
pub use evenkeel_shown::Unit;
pub use exit::{Exit, Failure, run};
pub use log::LogForm;
pub use output::{escaped, print_json, print_json_line, print_line, print_remark, print_table};
#[cfg(feature = "stop")]
pub use stop::Stop;
