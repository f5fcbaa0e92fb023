//! Results over time to a state: thresholds, start-up grace, flapping, unknown, staleness (docs/semantics.md, 4).
//!
//! A check gives one [`Sample`] per cycle; a [`Health`] makes of them a soft [`State`], for people and metrics, and a
//! [`Hard`] one, for recoveries. Pure: `now` is an argument, the same samples give the same states. How samples come
//! about, and what follows from a state, is for others.
//!
//! ```
//! use evenkeel_health::{Hard, Health, Policy, Sample, State, Threshold};
//! use evenkeel_moment::Moment;
//! use std::time::Duration;
//!
//! let seconds = Duration::from_secs;
//! let threshold = Threshold { failures: 2, within: 3 };
//! let policy = Policy::try_new(threshold, 1, Duration::ZERO, seconds(90))?;
//! let mut health = Health::new(policy, Moment::ORIGIN);
//! health.record(Moment::since_origin(seconds(30)), Sample::Good);
//! let once = Moment::since_origin(seconds(60));
//! health.record(once, Sample::Bad);
//! assert_eq!((health.state(once), health.hard(once)), (State::Suspect { failures: 1 }, Hard::Up));
//! let twice = Moment::since_origin(seconds(90));
//! health.record(twice, Sample::Bad);
//! assert_eq!(health.hard(twice), Hard::Down);
//! // Nothing heard for three intervals: unknown, which is neither down nor up.
//! assert_eq!(health.hard(twice + seconds(90)), Hard::Unknown);
//! # Ok::<(), evenkeel_health::PolicyError>(())
//! ```
#![forbid(unsafe_code)]

mod daily;
mod flap;
mod health;
mod policy;
mod state;
mod states;
mod sustained;
mod trend;

pub use daily::{DailyError, DailyWindows};
pub use flap::{FlapPolicy, Flapping};
pub use health::Health;
pub use policy::{LONGEST_WINDOW, Policy, PolicyError, Threshold};
pub use state::{Hard, Sample, State, Transition};
pub use states::{HISTORY, HardStates};
pub use sustained::Sustained;
pub use trend::{Direction, Eta, Forecast, Outlook, Readings, Trend};

#[cfg(test)]
mod tests;
