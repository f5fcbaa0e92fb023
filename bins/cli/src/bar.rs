use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{Common, fit};

/// What is done within this time needs no bar.
const SHORT: Duration = Duration::from_millis(500);
/// Of a long name of work so much is shown.
const NAME_COLUMNS: usize = 30;
/// How often a bar says how long it took until now.
pub(crate) const TURN: Duration = Duration::from_millis(100);

/// The bar that is on the terminal, for whoever writes there meanwhile.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

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
        let wanted = !common.quiet && io::stderr().is_terminal();
        let what = fit::cut(&what.into(), NAME_COLUMNS);
        Self { what, wanted, begun: Instant::now(), shown: None }
    }

    /// Shows how far the work is.
    pub fn show(&mut self, done: u64, total: u64) {
        if let Some(bar) = self.bar("{prefix} {wide_bar} {pos}/{len} {elapsed}") {
            bar.set_length(total);
            bar.set_position(done);
            to_its_beginning();
        }
    }

    /// Shows that the work goes on, where nobody knows how far it is.
    pub fn turn(&mut self) {
        if let Some(bar) = self.bar("{prefix} {spinner} {elapsed}") {
            bar.tick();
            to_its_beginning();
        }
    }

    fn bar(&mut self, template: &str) -> Option<&ProgressBar> {
        if !self.wanted || (self.shown.is_none() && self.begun.elapsed() < SHORT) {
            return None;
        }
        Some(self.shown.get_or_insert_with(|| {
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(0)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(self.what.clone())
                .with_elapsed(self.begun.elapsed());
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
            bar
        }))
    }
}

/// The terminal shows what is typed, such as ^C: at the end of the line it would begin another one, and this one would stay.
fn to_its_beginning() {
    let _ = io::stderr().write_all(b"\r");
}

/// What comes next is printed where the bar was.
impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
            bar.finish_and_clear();
        }
    }
}

/// Does the work, and shows a bar that turns while it lasts.
pub fn with_bar<T: Send>(
    common: &Common,
    what: impl Into<String>,
    work: impl FnOnce() -> T + Send,
) -> T {
    let mut bar = Bar::new(common, what);
    if !bar.wanted {
        return work();
    }
    std::thread::scope(|scope| {
        let (told, ended) = channel::<()>();
        let worker = scope.spawn(move || {
            let _told_at_the_end = told;
            work()
        });
        while ended.recv_timeout(TURN) == Err(RecvTimeoutError::Timeout) {
            bar.turn();
        }
        drop(bar);
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Standard error for the log: its lines come to stand above a bar, and do not run through it.
pub(crate) struct AboveTheBar;

impl Write for AboveTheBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match shown {
            Some(bar) => bar.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
