//! Results over time to a state: thresholds, unknown, staleness.
#![forbid(unsafe_code)]
