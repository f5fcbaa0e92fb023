use nix::sys::signal::Signal;

use crate::TmuxError;

/// Between the fields of a line: no field before the last can hold it.
const SEPARATOR: char = '|';
/// More panes than anyone has; a line takes about a hundred bytes.
pub(crate) const MOST_PANES: usize = 1024;
/// How much of a session's name is kept.
const NAME_CHARS: usize = 100;

/// What is asked of each pane. Free text comes last.
pub(crate) const FORMAT: &str = "#{pane_id}|#{pane_pid}|#{pane_dead}|#{pane_dead_status}|#{pane_dead_signal}|#{window_panes}|#{window_activity}|#{pid}|#{window_index}|#{pane_index}|#{session_name}";

/// One pane of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pane {
    /// tmux's own name of it, such as `%3`: never given to another pane.
    pub id: String,
    /// The session that it is in.
    pub session: String,
    /// The window's number in the session.
    pub window: u32,
    /// The pane's number in the window.
    pub index: u32,
    /// The process that was started in it; of a dead pane, the one that was.
    pub pid: u32,
    /// Whether who says so may name that process: not where another user's server names one that does not run as him.
    pub is_believed: bool,
    /// That process has ended, and the pane was kept (`remain-on-exit`).
    pub dead: bool,
    /// What it exited with, if it exited.
    pub status: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// How many panes its window has.
    pub window_panes: u32,
    /// When something was last written in its window, in seconds of Unix time.
    pub window_activity: u64,
    /// The process of the server.
    pub server: u32,
}

impl Pane {
    /// `session:window.pane`, as targets of tmux are written.
    pub fn name(&self) -> String {
        format!("{}:{}.{}", self.session, self.window, self.index)
    }

    /// A pane of this name in which `pid` runs alone.
    pub fn named(session: &str, window: u32, index: u32, pid: u32) -> Self {
        Self {
            id: "%0".to_owned(),
            session: session.to_owned(),
            window,
            index,
            pid,
            is_believed: true,
            dead: false,
            status: None,
            signal: None,
            window_panes: 1,
            window_activity: 0,
            server: 1,
        }
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.splitn(11, SEPARATOR);
        let mut next = || fields.next();
        let id = next()?;
        if !id.strip_prefix('%')?.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let optional =
            |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
        Some(Self {
            id: id.to_owned(),
            pid: next()?.parse().ok()?,
            is_believed: true,
            dead: match next()? {
                "0" | "" => false,
                "1" => true,
                _ => return None,
            },
            status: optional(next()?)?,
            signal: match next()? {
                "" => None,
                text => Some(signal(text)?),
            },
            window_panes: next()?.parse().ok()?,
            window_activity: next()?.parse().ok()?,
            server: next()?.parse().ok()?,
            window: next()?.parse().ok()?,
            index: next()?.parse().ok()?,
            session: next()?
                .chars()
                .take(NAME_CHARS)
                .map(|char| if char.is_control() { '_' } else { char })
                .collect(),
        })
    }
}

/// A signal by its number, or where the system has names for them by its name.
fn signal(text: &str) -> Option<i32> {
    let named = || format!("SIG{text}").parse::<Signal>().ok().map(|signal| signal as i32);
    text.parse().ok().or_else(named)
}

/// Every pane of a listing.
pub(crate) fn read(listing: &str) -> Result<Vec<Pane>, TmuxError> {
    let protocol = |reason: String| TmuxError::Protocol { reason };
    let lines: Vec<_> = listing.lines().collect();
    if lines.len() > MOST_PANES {
        return Err(protocol(format!("it has more than {MOST_PANES} panes")));
    }
    let pane = |line: &&str| {
        Pane::read(line)
            .ok_or_else(|| protocol("a line about a pane that cannot be read".to_owned()))
    };
    lines.iter().map(pane).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn panes_are_read_with_how_they_ended() {
        let listing = "%0|5444|0|||2|1795624929|5443|0|0|w1
%1|5448|1|7||2|1795624929|5443|0|1|w1
%12|9|1||11|1|5|5443|3|0|a|b
";
        let panes = read(listing).unwrap();
        assert_eq!(panes.len(), 3);
        assert_eq!(
            (panes[0].name().as_str(), panes[0].dead, panes[0].pid),
            ("w1:0.0", false, 5444)
        );
        assert_eq!((panes[1].status, panes[1].signal), (Some(7), None));
        assert_eq!(
            (panes[2].status, panes[2].signal, panes[2].name().as_str()),
            (None, Some(11), "a|b:3.0")
        );
    }

    #[test]
    fn a_signal_may_come_by_its_name() {
        assert_eq!((signal("SEGV"), signal("9")), (Some(11), Some(9)));
        assert_eq!(signal("NONSENSE"), None);
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        for text in
            ["no server running", "%x|1|0|||1|1|1|0|0|s", "%1|1|2|||1|1|1|0|0|s", "%1|1|0|||1"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"%1|1|0|||1|1|1|0|0|s\n".repeat(MOST_PANES + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(line in "(%|[0-9|]|\\PC){0,60}") {
            let _ = read(&line);
        }
    }
}
