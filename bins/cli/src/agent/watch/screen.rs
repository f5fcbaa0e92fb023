use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::sync::{Mutex, Once};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use terminal_size::{Height, Width, terminal_size};
use tokio::sync::mpsc;

/// The other screen, no cursor, and long lines cut and not wrapped.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Where the terminal does not say how large it is.
const USUAL: (u16, u16) = (80, 24);

/// Whether the terminal is ours, and how it was before, where it told.
enum Held {
    Not,
    Since(Option<Termios>),
}

/// Whoever takes it out gives the terminal back.
static OURS: Mutex<Held> = Mutex::new(Held::Not);
static PANICS_GIVE_BACK: Once = Once::new();

/// The terminal, with a screen of its own; given back at the end, also at that of a panic.
#[derive(Debug)]
pub(super) struct Screen {
    shown: Vec<String>,
    size: (u16, u16),
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        PANICS_GIVE_BACK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // What it says is to be read on the screen that stays.
                give_back();
                before(panic);
            }));
        });
        let mut screen = Self { shown: Vec::new(), size: USUAL };
        screen.take()?;
        Ok(screen)
    }

    fn take(&mut self) -> io::Result<()> {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(termios) = &before {
            // Keys come at once and are not echoed into the view; Ctrl-C and Ctrl-Z stay signals.
            let mut ours = termios.clone();
            ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &ours);
        }
        if let Ok(mut held) = OURS.lock() {
            *held = Held::Since(before);
        }
        self.measure();
        write(ENTER)
    }

    /// Stops the program as Ctrl-Z does, with the terminal given back meanwhile.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        kill_process(getpid(), Signal::STOP)?;
        self.take()
    }

    /// Looks how large the terminal is, and draws everything anew.
    pub(super) fn measure(&mut self) {
        self.size = terminal_size().map_or(USUAL, |(Width(width), Height(height))| (width, height));
        self.shown.clear();
    }

    pub(super) fn size(&self) -> (u16, u16) {
        self.size
    }

    pub(super) fn has_colours() -> bool {
        anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
    }

    /// Is told once a key says that it is enough.
    pub(super) fn keys() -> mpsc::Receiver<()> {
        let (enough, told) = mpsc::channel(1);
        // A read of a terminal cannot be cancelled: the thread ends with the program.
        std::thread::spawn(move || {
            for byte in io::stdin().lock().bytes() {
                match byte {
                    Ok(b'q' | b'Q' | 0x04) => break,
                    Ok(_) => {}
                    // Without a keyboard there is still Ctrl-C.
                    Err(_) => return std::mem::forget(enough),
                }
            }
            let _ = enough.blocking_send(());
        });
        told
    }

    /// Draws the lines that are others than before.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut out = String::new();
        if self.shown.is_empty() {
            out.push_str("\x1b[2J");
        }
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                // Erased first: behind a line that fills its row, the cursor stands on its last character.
                let _ = write!(out, "\x1b[{};1H\x1b[2K{line}\x1b[0m", row + 1);
            }
        }
        if lines.len() < self.shown.len() {
            let _ = write!(out, "\x1b[{};1H\x1b[J", lines.len() + 1);
        }
        if out.is_empty() {
            return Ok(());
        }
        self.shown = lines.to_vec();
        write(&out)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    let held = OURS.lock().map_or(Held::Not, |mut held| std::mem::replace(&mut *held, Held::Not));
    if let Held::Since(before) = held {
        let _ = write(LEAVE);
        if let Some(termios) = before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &termios);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
