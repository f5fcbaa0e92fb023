//! Takes so many bytes of memory a second, and keeps them: `leaks BYTES_PER_SECOND`.
//!
//! By the clock, so that it grows in a straight line however late it is let in.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

const BLOCK_BYTES: usize = 16 * 1024;

fn main() -> ExitCode {
    let rate = std::env::args().nth(1).and_then(|text| text.parse::<f64>().ok());
    let Some(rate) = rate else { return ExitCode::from(2) };
    let begun = Instant::now();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let missing = |kept: &[Vec<u8>]| {
            begun.elapsed().as_secs_f64() * rate > (kept.len() * BLOCK_BYTES) as f64
        };
        while missing(&kept) {
            // Written to, or the kernel would give no page for it.
            kept.push(vec![1; BLOCK_BYTES]);
        }
        park_timeout(Duration::from_millis(10));
    }
}
