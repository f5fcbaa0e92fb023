use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::Common;

/// What is done within this time needs no bar.
const SHORT: Duration = Duration::from_millis(500);

/// A bar on standard error, once work turns out to be long and if a person sees it.
#[derive(Debug)]
pub struct Bar {
    what: String,
    wanted: bool,
    begun: Instant,
    shown: Option<ProgressBar>,
}

impl Bar {
    /// A bar for work that is called so.
    pub fn new(common: &Common, what: impl Into<String>) -> Self {
        let wanted = !common.quiet && std::io::stderr().is_terminal();
        Self { what: what.into(), wanted, begun: Instant::now(), shown: None }
    }

    /// Shows that so much is done of all.
    pub fn show(&mut self, done: u64, total: u64) {
        if !self.wanted || (self.shown.is_none() && self.begun.elapsed() < SHORT) {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {elapsed}");
            ProgressBar::new(total)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(self.what.clone())
                .with_elapsed(self.begun.elapsed())
        });
        bar.set_position(done);
    }
}

/// What comes next is printed where the bar was.
impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
