//! One number for all that was said between the host and its engines.

use std::fmt::Write as _;

use evenkeel_engine::{Effect, Input};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Outcome, Value};

/// Mixes what happens, in its order.
#[derive(Debug)]
pub(crate) struct Trace {
    state: u64,
    buffer: String,
}

impl Trace {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x243f_6a88_85a3_08d3, buffer: String::new() }
    }

    /// What the engine is told.
    pub(crate) fn input(&mut self, now: Moment, input: &Input) {
        self.word(now.as_nanos());
        match input {
            Input::Tick => self.word(1),
            Input::Measured { check, run, measurement } => {
                let outcome = match &measurement.outcome {
                    Outcome::Good => 2,
                    Outcome::Bad(failure) => 3 + ((failure.class as u64) << 8),
                    Outcome::Unknown(failure) => 4 + ((failure.class as u64) << 8),
                };
                self.word(outcome);
                self.word(((*check as u64) << 48) ^ run);
                self.facts(&measurement.facts);
                for part in &measurement.parts {
                    self.text(&part.name);
                    self.word(u64::from(part.outcome == Outcome::Good));
                    self.facts(&part.facts);
                }
            }
            other => self.words(other),
        }
    }

    /// What the engine wants.
    #[inline]
    pub(crate) fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Probe { check, run } => {
                self.word(5);
                self.word(((*check as u64) << 48) ^ run);
            }
            Effect::Slice(slice) => {
                self.word(6 + ((slice.verdict as u64) << 8));
                self.word(u64::from(slice.slices));
                self.word(slice.from.as_millisecond().cast_unsigned());
            }
            // They follow from what was measured, and there are as many of them.
            Effect::Count(_) | Effect::Sample(_) => {}
            other => self.words(other),
        }
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.state
    }

    fn facts(&mut self, facts: &Facts) {
        for (field, value) in facts.iter() {
            self.text(field);
            match value {
                Value::Number(number) => self.word(number.to_bits()),
                Value::Text(text) => self.text(text),
            }
        }
    }

    #[cold]
    fn words(&mut self, what: &impl std::fmt::Debug) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        // Into a string nothing fails.
        let _ = write!(buffer, "{what:?}");
        self.text(&buffer);
        self.buffer = buffer;
    }

    fn text(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(text.len() as u64);
    }

    fn word(&mut self, word: u64) {
        self.state = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}
