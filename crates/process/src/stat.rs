use std::fmt;
use std::time::Duration;

use crate::host;

/// Which process is meant, also after its number was given to another.
///
/// A number is given anew once its process was waited for; a number and the tick at which its process was started are
/// not. The tick does not move when a clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The number.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since boot.
    pub start_ticks: u64,
}

/// What `/proc/PID/stat` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub identity: Identity,
    /// The name of its program, cut by the kernel to 15 bytes. It may hold any byte: see [`Stat::shown_name`].
    pub name: Vec<u8>,
    /// What it does.
    pub state: State,
    /// The number of its parent; 0 for none.
    pub parent: u32,
    /// How many threads it has.
    pub threads: u64,
    /// How often it waited for a page to be read, since its start.
    pub major_faults: u64,
    /// Processor time in user and system mode since its start.
    pub cpu: Duration,
    /// Virtual memory.
    pub virtual_bytes: u64,
    /// Resident memory, with what it shares with others.
    pub rss_bytes: u64,
}

/// What a process does, by the letter of `proc_pid_stat(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// `R`: runs or could.
    Running,
    /// `S`: waits, and a signal ends the wait.
    Sleeping,
    /// `D`: waits inside the kernel, and no signal ends the wait.
    DiskSleep,
    /// `T`: stopped by a signal.
    Stopped,
    /// `t`: stopped by a debugger.
    Traced,
    /// `Z`: ended, but its parent has not waited for it.
    Zombie,
    /// `X`: about to vanish.
    Dead,
    /// `I`: an idle thread of the kernel.
    Idle,
    /// Another letter.
    Other(char),
}

impl Identity {
    /// Text that is the same as long as the same process runs, and never again.
    pub fn incarnation(&self) -> String {
        format!("{}@{}", self.pid, self.start_ticks)
    }

    /// The process that [`Identity::incarnation`] made this text of; `None` for a text that it did not make.
    pub fn of_incarnation(text: &str) -> Option<Self> {
        let (pid, start_ticks) = text.split_once('@')?;
        let identity = Self { pid: pid.parse().ok()?, start_ticks: start_ticks.parse().ok()? };
        (identity.incarnation() == text).then_some(identity)
    }

    /// When it was started, since boot.
    pub fn started(&self) -> Duration {
        host::since_boot(self.start_ticks)
    }

    /// How long it runs, if the host's uptime is `uptime`.
    pub fn age(&self, uptime: Duration) -> Duration {
        uptime.saturating_sub(self.started())
    }
}

/// As people name it.
impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}", self.pid)
    }
}

impl Stat {
    /// Whether it does nothing any more. The kernel shows a process whose first thread ended as a zombie also while other
    /// threads go on: that one lives.
    pub fn is_dead(&self) -> bool {
        match self.state {
            State::Zombie => self.threads <= 1,
            State::Dead => true,
            _ => false,
        }
    }

    /// The name with everything escaped that does not print.
    pub fn shown_name(&self) -> String {
        self.name.escape_ascii().to_string()
    }
}

impl State {
    /// The state of a letter.
    pub fn of_letter(letter: char) -> Self {
        match letter {
            'R' => Self::Running,
            'S' => Self::Sleeping,
            'D' => Self::DiskSleep,
            'T' => Self::Stopped,
            't' => Self::Traced,
            'Z' => Self::Zombie,
            'X' | 'x' => Self::Dead,
            'I' => Self::Idle,
            other => Self::Other(other),
        }
    }

    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::DiskSleep => "disk-sleep",
            Self::Stopped => "stopped",
            Self::Traced => "traced",
            Self::Zombie => "zombie",
            Self::Dead => "dead",
            Self::Idle => "idle",
            Self::Other(_) => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Reads `/proc/PID/stat`. Fields are counted from the last parenthesis: a program may put anything into its name, also
/// what looks like the rest of the line.
pub(crate) fn parse(stat: &[u8]) -> Option<Stat> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open + 1..close)?.to_vec();
    let fields: Vec<&str> =
        str::from_utf8(&stat[close + 1..]).ok()?.split_ascii_whitespace().collect();
    // Numbered as in proc_pid_stat(5), where the state is the third.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |at: usize| field(at)?.parse::<u64>().ok();
    let mut letters = field(3)?.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
    Some(Stat {
        identity: Identity {
            pid: str::from_utf8(&stat[..open]).ok()?.trim().parse().ok()?,
            start_ticks: number(22)?,
        },
        name,
        state: State::of_letter(letter),
        parent: field(4)?.parse().ok()?,
        threads: number(20)?,
        major_faults: number(12)?,
        cpu: host::since_boot(number(14)?.saturating_add(number(15)?)),
        virtual_bytes: number(23)?,
        // Negative for a moment while the kernel counts by processor.
        rss_bytes: u64::try_from(field(24)?.parse::<i64>().ok()?)
            .unwrap_or(0)
            .saturating_mul(host::page_bytes()),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn line(pid: u32, name: &str, state: char, parent: u32, start: u64) -> String {
        format!(
            "{pid} ({name}) {state} {parent} 71 71 0 -1 4194560 9 8 7 6 150 50 3 4 20 0 3 0 {start} 123456 25 18446744073709551615 1 1"
        )
    }

    #[test]
    fn the_fields_are_those_of_the_manual() {
        let stat = parse(line(71, "supervisord", 'S', 1, 2500).as_bytes()).unwrap();
        assert_eq!(stat.identity, Identity { pid: 71, start_ticks: 2500 });
        assert_eq!(stat.name, b"supervisord");
        assert_eq!((stat.state, stat.parent, stat.threads), (State::Sleeping, 1, 3));
        assert_eq!((stat.major_faults, stat.virtual_bytes), (7, 123_456));
        assert_eq!(stat.rss_bytes, 25 * host::page_bytes());
        assert_eq!(stat.cpu, host::since_boot(200));
    }

    #[test]
    fn a_name_that_reads_like_the_rest_of_the_line_fools_nobody() {
        for name in ["a b", ") R 1", ") Z 1 (", "(((", "x) S 1 1\n9 (y", "\u{1b}[31m", ""] {
            let stat = parse(line(71, name, 'T', 5, 9).as_bytes()).unwrap();
            assert_eq!(
                (stat.state, stat.parent, stat.identity.start_ticks),
                (State::Stopped, 5, 9)
            );
            assert_eq!(stat.name, name.as_bytes());
            assert!(stat.shown_name().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }

    #[test]
    fn a_zombie_is_dead_unless_other_threads_go_on() {
        let with_threads = |threads| {
            let text =
                line(71, "sh", 'Z', 1, 9).replace(" 20 0 3 0 ", &format!(" 20 0 {threads} 0 "));
            parse(text.as_bytes()).unwrap().is_dead()
        };
        assert!(with_threads(1));
        assert!(!with_threads(2));
        assert!(!parse(line(71, "sh", 'T', 1, 9).as_bytes()).unwrap().is_dead());
    }

    #[test]
    fn an_incarnation_differs_for_a_number_that_was_given_anew() {
        let one = Identity { pid: 7, start_ticks: 100 };
        assert_ne!(one.incarnation(), Identity { start_ticks: 101, ..one }.incarnation());
        assert_eq!(Identity::of_incarnation(&one.incarnation()), Some(one));
        for text in ["7", "7@", "+7@100", "07@100", "7@100@1", "x@1", "-1@1"] {
            assert_eq!(Identity::of_incarnation(text), None, "{text}");
        }
        assert_eq!(one.age(one.started() + Duration::from_secs(10)), Duration::from_secs(10));
        assert_eq!(one.age(Duration::ZERO), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_name_shifts_the_fields(name in proptest::collection::vec(any::<u8>(), 0..64)) {
            let plain = line(71, "@", 'R', 1, 9).into_bytes();
            let at = plain.iter().position(|byte| *byte == b'@').unwrap();
            let text = [&plain[..at], &name, &plain[at + 1..]].concat();
            let found = parse(&text).unwrap();
            prop_assert_eq!(&found.name, &name);
            prop_assert_eq!(Stat { name: b"@".to_vec(), ..found }, parse(&plain).unwrap());
        }

        #[test]
        fn no_text_makes_the_reading_panic(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
