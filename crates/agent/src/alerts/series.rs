//! The samples of one series over days, in about a byte each: most counters stand still, or go on by one.
//!
//! Samples come at a steady pace, because evaluations do. A chunk has its first sample whole; each further one is a byte
//! where it comes one step after the one before and is as large or larger by less than 64, and one byte stands for up to 127
//! samples of the same value. All else is written whole.

use std::collections::VecDeque;

#[cfg(test)]
use evenkeel_metrics::rules::expr::is_stale;

/// Samples of one chunk: what has become too old goes chunk by chunk.
const CHUNK: u32 = 512;
/// `1nnnnnnn`: n more samples of the same value.
const SAME: u8 = 0x80;
/// `01dddddd`: one sample, larger by d.
const MORE: u8 = 0x40;
/// Followed by the time since the sample before, in milliseconds (4 bytes), and the value (8 bytes), both little-endian.
const WHOLE: u8 = 0x01;

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

/// Goes through a chunk.
#[derive(Debug)]
struct Reader<'a> {
    next: Option<(i64, u64)>,
    step: i64,
    /// So many more of the same.
    same: u8,
    bytes: &'a [u8],
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
    #[cfg(test)]
    pub(crate) fn is_stale(&self) -> bool {
        self.chunks.back().is_none_or(|chunk| is_stale(f64::from_bits(chunk.last_bits)))
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

    /// All samples from `from` to `until`, both included.
    pub(crate) fn range(&self, from: i64, until: i64) -> impl Iterator<Item = Sample> {
        let wanted = move |chunk: &&Chunk| chunk.last >= from && chunk.first <= until;
        let chunks = self.chunks.iter().filter(wanted);
        chunks.flat_map(Chunk::samples).filter(move |(at, _)| (from..=until).contains(at))
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
            let mut last = (chunk.first, chunk.first_bits, 0_u32);
            for (at, value) in chunk.samples() {
                last = (at, value.to_bits(), last.2 + 1);
            }
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

    fn samples(&self) -> Reader<'_> {
        Reader {
            next: Some((self.first, self.first_bits)),
            step: self.step.into(),
            same: 0,
            bytes: &self.bytes,
        }
    }
}

impl Reader<'_> {
    /// The sample that follows this one.
    fn after(&mut self, at: i64, bits: u64) -> Option<(i64, u64)> {
        let in_step = at.saturating_add(self.step);
        if self.same > 0 {
            self.same -= 1;
            return Some((in_step, bits));
        }
        let (tag, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        if tag & SAME != 0 {
            self.same = (tag & !SAME).saturating_sub(1);
            return Some((in_step, bits));
        }
        if tag & MORE != 0 {
            let value = f64::from_bits(bits) + f64::from(tag & !MORE);
            return Some((in_step, value.to_bits()));
        }
        let (pause, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        self.bytes = rest;
        Some((at.saturating_add(u32::from_le_bytes(*pause).into()), u64::from_le_bytes(*value)))
    }
}

impl Iterator for Reader<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let (at, bits) = self.next?;
        self.next = self.after(at, bits);
        Some((at, f64::from_bits(bits)))
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
