//! Durable history: events, intents and decisions with their reasons.
#![forbid(unsafe_code)]
