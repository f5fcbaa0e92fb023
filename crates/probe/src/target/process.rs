use std::fmt;
use std::path::PathBuf;

use evenkeel_shown::said::Selected;

use crate::{Condition, ProgramGlob, Target};

/// A process that lives; a zombie is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTarget {
    /// How it is found.
    pub selector: ProcessSelector,
    /// Whether the processes below it are counted with it: memory, threads, descriptors.
    pub tree: bool,
    /// The facts that conditions judge: one that cannot be told makes the whole unknown, for it must not pass for good.
    pub judged: Vec<String>,
}

/// How a process is found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessSelector {
    /// The process whose number a file holds.
    Pidfile(PathBuf),
    /// Every process of this name, and of this user if one is given by name or number.
    Name {
        /// The name of its program, without the directory.
        name: String,
        /// Whose it is.
        user: Option<String>,
    },
    /// The process of this number.
    Pid(u32),
    /// Every process of this unit of systemd.
    Unit(String),
    /// The process of this program of a supervisord.
    Program {
        /// The socket of supervisord.
        socket: PathBuf,
        /// Its name, `group:name` for one in a group of another name.
        program: String,
    },
    /// Every process in this cgroup and those below it: a directory, or the place in its hierarchy.
    Cgroup(PathBuf),
    /// The supervisord that listens on this socket.
    SupervisorDaemon {
        /// Its socket.
        socket: PathBuf,
    },
}

/// A supervisord and some of its programs.
#[derive(Debug, Clone, PartialEq)]
pub struct SupervisorTarget {
    /// Its socket.
    pub socket: PathBuf,
    /// Which programs are looked at; none, if empty. A program that is named exactly must exist.
    pub programs: Vec<ProgramGlob>,
    /// Which of these are not.
    pub except: Vec<ProgramGlob>,
    /// Whether a program that failed is bad; if not, one that does not run is unknown, and only conditions judge.
    pub judge_states: bool,
    /// What is measured of the memory of programs that run; more than nothing only for a condition that reads it.
    pub memory: ProgramMemory,
}

/// What is measured of the memory of each program that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProgramMemory {
    /// Nothing.
    #[default]
    None,
    /// Its own process: one small file each.
    Own,
    /// Its process and all below it: a look at every process of the host.
    Tree,
    /// The same, with shared pages counted once: the kernel walks their page tables.
    TreeProportional,
}

impl ProcessTarget {
    /// The process that `selector` finds, without those below it.
    pub fn new(selector: ProcessSelector) -> Self {
        Self { selector, tree: false, judged: Vec::new() }
    }

    pub(crate) fn judged_by(&mut self, conditions: &[Condition]) {
        self.judged.extend(conditions.iter().map(|condition| condition.field.clone()));
    }
}

impl ProcessSelector {
    /// How names of units end that have processes.
    pub const UNIT_KINDS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
}

impl From<ProcessSelector> for Target {
    fn from(selector: ProcessSelector) -> Self {
        Self::Process(selector.into())
    }
}

impl From<ProcessSelector> for ProcessTarget {
    fn from(selector: ProcessSelector) -> Self {
        Self::new(selector)
    }
}

impl SupervisorTarget {
    /// These programs of the supervisord on `socket`; one that failed is bad.
    pub fn new(socket: impl Into<PathBuf>, programs: Vec<ProgramGlob>) -> Self {
        let (socket, memory) = (socket.into(), ProgramMemory::None);
        Self { socket, programs, except: Vec::new(), judge_states: true, memory }
    }
}

impl fmt::Display for ProcessTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.tree { " and those below it" } else { "" };
        write!(formatter, "{}{below}", self.selector)
    }
}

impl fmt::Display for ProcessSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().fmt(formatter)
    }
}

impl ProcessSelector {
    /// What it selects, as a value.
    pub(crate) fn code(&self) -> Selected {
        match self {
            Self::Pidfile(path) => Selected::OfFile(path.display().to_string()),
            Self::Name { name, user } => Selected::Named { name: name.clone(), user: user.clone() },
            Self::Pid(pid) => Selected::Number(*pid),
            Self::Unit(unit) => Selected::OfUnit(unit.clone()),
            Self::Program { program, .. } => Selected::OfProgram(program.clone()),
            Self::Cgroup(path) => Selected::InCgroup(path.display().to_string()),
            Self::SupervisorDaemon { socket } => {
                Selected::Supervisord(socket.display().to_string())
            }
        }
    }
}
