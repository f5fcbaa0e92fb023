//! What a bench measured, in one shape for all benches: as a document for programs, as tables for people.
//!
//! A bench fills a [`Report`] with [`Figure`]s and the [`Bar`]s that some of them must hold, and prints [`Report::document`] if it is
//! asked for JSON. `cargo xtask bench all` gathers the reports. What is measured, and how, is each bench's own.
//!
//! ```
//! use evenkeel_figures::{Bar, Figure, Limit, Report};
//!
//! let mut report = Report::new("breaker");
//! report.figures.push(Figure::new("closed", "ours").with("median_ns", 3.1));
//! report.bars.push(Bar::new("breaker, closed", 3.1, "ns", Limit::AtMost(8.0), 1.1).beside("failsafe", 10.6));
//! assert!(report.holds());
//! assert_eq!(Report::find("cargo's own words\n".to_owned() + &report.document()), Some(report));
//! ```
#![forbid(unsafe_code)]

mod bar;
mod growth;
mod machine;
mod report;

pub use bar::{Bar, Limit, Peer, Verdict};
pub use growth::{MOST_EXPONENT, exponent, quantile};
pub use machine::{Machine, load, version};
pub use report::{Figure, Report, SCHEMA};
