//! Availability from the results of checks: time slices, error budgets, burn rates. Pure: no clock, `now` is an argument.
//!
//! - [`Slicer`] cuts the results of one check into slices and settles each when it is sure how it was.
//! - [`Join`] makes of the slices of several checks those of an objective that needs all of them.
//! - [`Account`] keeps the slices of a [`Promise`]'s window and says what they come to: [`Figures`], [`Burn`].
//! - [`Decimal`] is what objectives and thresholds are written in: exact.
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_metrics::availability::{Account, Promise, Slice, Verdict};
//! use jiff::{Timestamp, ToSpan};
//!
//! let promise = Promise {
//!     objective: "99.9%".parse()?,
//!     window: Duration::from_hours(30 * 24),
//!     slice: Duration::from_secs(30),
//!     exclude_unknown_up_to: Promise::EXCLUDE_UNKNOWN_UP_TO,
//!     min_bad: Promise::MIN_BAD,
//! };
//! assert_eq!(promise.budget(), Duration::from_secs(43 * 60 + 12));
//!
//! let mut account = Account::new(promise);
//! let from: Timestamp = "2026-11-01T00:00:00Z".parse()?;
//! account.add(Slice { verdict: Verdict::Good, from, until: from + 23.hours() });
//! account.add(Slice { verdict: Verdict::Bad, from: from + 23.hours(), until: from + 24.hours() });
//! let figures = account.figures(from + 24.hours(), Duration::ZERO);
//! assert_eq!(figures.counts.bad, 120);
//! assert_eq!(format!("{:.4}", figures.availability.unwrap()), "0.9583");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod burn;
mod decimal;
mod figures;
mod join;
mod promise;
mod slice;
mod slicer;
#[cfg(test)]
mod tests;

pub use account::{Account, Counts};
pub use burn::{BURN_RULES, Burn, BurnRule};
pub use decimal::{Decimal, DecimalError};
pub use figures::Figures;
pub use join::Join;
pub use promise::Promise;
pub use slice::{Slice, Verdict};
pub use slicer::{Seen, Slicer, Threshold};
