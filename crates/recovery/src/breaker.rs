//! A circuit breaker as a pure state machine (docs/semantics.md, 2.2, T1 to T16): `now` is an argument, there is no timer.
//!
//! A [`Breaker`] lends a [`Permit`] for each call and is told how the call ended. Too large a share of failures opens it;
//! after a while it half opens for a few trials, whose outcome closes or opens it. Every call that is admitted has its
//! generation, so that a late result of an earlier state changes nothing; every trial has a lease, so that one that is
//! never heard of again cannot hold the breaker half open for ever. [`SharedBreaker`] is the same for many threads.
//!
//! ```
//! use evenkeel_moment::Moment;
//! use evenkeel_recovery::breaker::{Breaker, BreakerState, Config, Draft};
//! use std::time::Duration;
//!
//! let config = Config::try_new(Draft { request_volume_threshold: 2, ..Draft::default() })?;
//! let start = Moment::ORIGIN;
//! let mut breaker = Breaker::new(config, start);
//! for _ in 0..2 {
//!     let permit = breaker.try_acquire(start).expect("it is closed");
//!     breaker.failure(permit, start);
//! }
//! let rejected = breaker.try_acquire(start).expect_err("all calls failed");
//! assert_eq!(rejected.retry_after, Some(Duration::from_secs(30)));
//! assert_eq!(breaker.state(start + Duration::from_secs(30)), BreakerState::HalfOpen);
//! # Ok::<(), evenkeel_recovery::breaker::ConfigError>(())
//! ```

mod config;
#[cfg(feature = "tower")]
pub mod layer;
mod machine;
mod opossum;
mod permit;
mod shared;
mod snapshot;
mod state;
mod window;

pub use config::{Compat, Config, ConfigError, Draft, NeverOpens, SlowCall, Window};
pub use machine::Breaker;
pub use permit::Permit;
pub use shared::{SharedBreaker, SharedPermit, Verdict};
pub use snapshot::Snapshot;
pub use state::{BreakerState, Change, PermitKind, Reason, Rejected};
pub use window::Counts;

#[cfg(all(test, not(evenkeel_loom)))]
mod tests;
