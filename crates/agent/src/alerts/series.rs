//! The samples of one series over days, in about a byte each: most counters stand still, or go on by one.
//!
//! Samples come at a steady pace, because evaluations do. A chunk has its first sample whole; each further one is a byte
//! where it comes one step after the one before and is as large or larger by less than 64, and one byte stands for up to 127
//! samples of the same value. All else is written whole.

use std::collections::VecDeque;

/// Samples of one chunk: what has become too old goes chunk by chunk.
const CHUNK: u32 = 512;
/// `1nnnnnnn`: n more samples of the same value.
const SAME: u8 = 0x80;
/// `01dddddd`: one sample, larger by d.
const MORE: u8 = 0x40;
/// Followed by the time since the sample before, in milliseconds (4 bytes), and the value (8 bytes), both little-endian.
const WHOLE: u8 = 0x01;
const WHOLE_BYTES: usize = 12;

/// Ends a series: what Prometheus writes where a series that was there is no longer (`value.StaleNaN`).
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// One sample: milliseconds, and the value.
pub(crate) type Sample = (i64, f64);

/// The samples of one series, oldest first.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Samples {
    chunks: VecDeque<Chunk>,
}

#[derive(Debug, Clone, PartialEq)]
struct Chunk {
    first: i64,
    /// As bits, so that a stale marker stays one.
    first_bits: u64,
    /// Milliseconds from one sample to the next.
    step: u32,
    bytes: Vec<u8>,
    /// The last sample, and how many there are.
    last: i64,
    last_bits: u64,
    count: u32,
    /// Whether the last byte is a run that may go on.
    run_is_open: bool,
}

/// A chunk as it is kept over a restart.
pub(crate) type Kept = (i64, u64, u32, String);

impl Samples {
    /// Adds a sample that is later than all before; an earlier one is dropped. `step`: the pace at which they come.
    pub(crate) fn push(&mut self, (at, value): Sample, step: u32) {
        let full = |chunk: &&mut Chunk| chunk.step == step && chunk.count < CHUNK;
        if self.chunks.back().is_some_and(|chunk| at <= chunk.last) {
            return;
        }
        if let Some(chunk) = self.chunks.back_mut().filter(full)
            && chunk.push(at, value.to_bits())
        {
            return;
        }
        self.chunks.push_back(Chunk::new(at, value.to_bits(), step));
    }

    /// The last sample.
    pub(crate) fn last(&self) -> Option<Sample> {
        self.chunks.back().map(|chunk| (chunk.last, f64::from_bits(chunk.last_bits)))
    }

    /// Whether the series has ended.
    pub(crate) fn is_stale(&self) -> bool {
        self.chunks.back().is_none_or(|chunk| chunk.last_bits == STALE)
    }

    /// Drops chunks of which no sample is after `since`.
    pub(crate) fn forget_before(&mut self, since: i64) {
        while self.chunks.front().is_some_and(|chunk| chunk.last <= since) {
            self.chunks.pop_front();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// All samples after `after` and until `until`.
    pub(crate) fn range(&self, after: i64, until: i64) -> Vec<Sample> {
        let wanted = |chunk: &&Chunk| chunk.last > after && chunk.first <= until;
        let mut samples = Vec::new();
        for chunk in self.chunks.iter().filter(wanted) {
            chunk.read(|at, bits| {
                if at > after && at <= until {
                    samples.push((at, f64::from_bits(bits)));
                }
            });
        }
        samples
    }

    /// The last sample after `after` and until `until`, also a stale one.
    pub(crate) fn latest(&self, after: i64, until: i64) -> Option<Sample> {
        if let Some((at, value)) = self.last().filter(|(at, _)| *at <= until) {
            return (at > after).then_some((at, value));
        }
        self.range(after, until).pop()
    }

    /// What it takes in memory, without the map that it is in.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| size_of::<Chunk>() + chunk.bytes.capacity()).sum()
    }

    /// As it is kept over a restart.
    pub(crate) fn keep(&self) -> Vec<Kept> {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
        };
        let chunks = self.chunks.iter();
        chunks.map(|chunk| (chunk.first, chunk.first_bits, chunk.step, hex(&chunk.bytes))).collect()
    }

    /// What was kept, with all times later by `shift`. What makes no sense is left out.
    pub(crate) fn restore(kept: &[Kept], shift: i64) -> Self {
        let mut samples = Self::default();
        for (first, bits, step, hex) in kept {
            let bytes = (0..hex.len() / 2)
                .filter_map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok());
            let mut chunk = Chunk::new(first.saturating_add(shift), *bits, *step);
            chunk.bytes = bytes.collect();
            let mut last = (chunk.first, chunk.first_bits, 0);
            chunk.read(|at, bits| last = (at, bits, last.2 + 1));
            (chunk.last, chunk.last_bits, chunk.count) = last;
            let follows = samples.last().is_none_or(|(last, _)| last < chunk.first);
            if follows && chunk.count <= CHUNK {
                samples.chunks.push_back(chunk);
            }
        }
        samples
    }
}

impl Chunk {
    fn new(at: i64, bits: u64, step: u32) -> Self {
        Self {
            first: at,
            first_bits: bits,
            step,
            bytes: Vec::new(),
            last: at,
            last_bits: bits,
            count: 1,
            run_is_open: false,
        }
    }

    /// Adds a sample; false if it is too long after the one before.
    fn push(&mut self, at: i64, bits: u64) -> bool {
        let pause = at.checked_sub(self.last).and_then(|pause| u32::try_from(pause).ok());
        let Some(pause) = pause else { return false };
        let more = (pause == self.step).then(|| more(self.last_bits, bits)).flatten();
        let run = self.bytes.last_mut().filter(|run| self.run_is_open && **run < u8::MAX);
        match (more, run) {
            (Some(0), Some(run)) => *run += 1,
            (Some(0), None) => self.bytes.push(SAME | 1),
            (Some(more), _) => self.bytes.push(MORE | more),
            (None, _) => {
                self.bytes.push(WHOLE);
                self.bytes.extend(pause.to_le_bytes());
                self.bytes.extend(bits.to_le_bytes());
            }
        }
        self.run_is_open = more == Some(0);
        (self.last, self.last_bits, self.count) = (at, bits, self.count + 1);
        true
    }

    fn read(&self, mut sample: impl FnMut(i64, u64)) {
        let (mut at, mut bits) = (self.first, self.first_bits);
        sample(at, bits);
        let mut bytes = &self.bytes[..];
        while let Some((tag, rest)) = bytes.split_first() {
            bytes = rest;
            if tag & SAME != 0 {
                for _ in 0..tag & !SAME {
                    at = at.saturating_add(self.step.into());
                    sample(at, bits);
                }
                continue;
            }
            if tag & MORE != 0 {
                at = at.saturating_add(self.step.into());
                bits = (f64::from_bits(bits) + f64::from(tag & !MORE)).to_bits();
            } else {
                let Some((whole, rest)) = bytes.split_first_chunk::<WHOLE_BYTES>() else { return };
                bytes = rest;
                let (pause, value) = whole.split_at(4);
                let pause = pause.try_into().map(u32::from_le_bytes).unwrap_or_default();
                at = at.saturating_add(pause.into());
                bits = value.try_into().map(u64::from_le_bytes).unwrap_or_default();
            }
            sample(at, bits);
        }
    }
}

/// By how much the one value is larger than the other, if that fits a byte and gives exactly that value back.
fn more(before: u64, after: u64) -> Option<u8> {
    if before == after {
        return Some(0);
    }
    let (before, value) = (f64::from_bits(before), f64::from_bits(after));
    let more = (1..64u8).find(|more| f64::from(*more) >= value - before)?;
    ((before + f64::from(more)).to_bits() == after).then_some(more)
}

#[cfg(test)]
#[path = "series/tests.rs"]
mod tests;
