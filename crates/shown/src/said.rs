//! Texts of evenkeel's own, as values: in English, and what they say as data.
//!
//! Logs, history, programs and JSON have the English text, which is written where the text is made. Whoever speaks another language
//! says it from the [`Code`] beside it; a `match` there has to know every code, so that none is forgotten.
//!
//! Where a code says what a crate above has a type for (what an entry is, why a call failed), it has a type of its own with the same
//! names: the one here is written to history and has to stay readable, and this crate knows nothing of those.

mod actions;
mod agent;
mod clients;
mod condition;
mod files;
mod host;
mod network;
mod note;
mod unit;
mod workload;

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::Secrets;

pub use self::actions::{ActionCode, Aim, Left, Named, NamedProcess, Repair, Untouchable};
pub use self::agent::{AgentCode, Allowed, Instead};
pub use self::clients::{
    Activity, CommandCode, Listener, ProcessCode, SupervisordCode, SystemdCode, TmuxCode,
};
pub use self::condition::{ConditionCode, Relation};
pub use self::files::{
    Access, Age, Cap, CleanupCode, Count, Difference, DueCode, EntryKind, FilesCode, Measure,
    OnlySwept, PermissionsCode, Task, WatchedBy,
};
pub use self::host::{HostCode, NoHash, NotRunning, Selected, Uncounted};
pub use self::network::{Awaited, NetworkCode, NotFollowed, StatusHint};
pub use self::note::Note;
pub use self::unit::{START_LIMIT, UnitCode};
pub use self::workload::{BadFolder, WorkloadCode};

/// Of a list of texts so many keep what they say as data: nobody is told more of them, and there may be a hundred thousand.
const MOST_CODES: usize = 64;

/// A text in English, and what it says as data if evenkeel itself says it.
///
/// Of a text that others wrote nothing is known but the text.
#[derive(Debug, Clone, Default)]
pub struct Said {
    text: String,
    code: Option<Box<Code>>,
}

/// What a text says, for whoever says it in another language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// What others wrote: the system, a program, an operator, the settings.
    AsWritten(String),
    /// One after the other.
    All(Vec<Code>),
    /// What failed, and what the system says of it.
    Because {
        /// What failed.
        what: Box<Code>,
        /// In the system's own words.
        source: String,
    },
    /// Something about an entry.
    At {
        /// The entry.
        path: String,
        /// What is said of it.
        what: Box<Code>,
    },
    /// What an action did, or why not.
    Action(ActionCode),
    /// Why a command did not run.
    Command(CommandCode),
    /// Why a process could not be looked at.
    Process(ProcessCode),
    /// Why supervisord did not do it.
    Supervisord(SupervisordCode),
    /// Why systemd did not do it.
    Systemd(SystemdCode),
    /// Why tmux did not do it.
    Tmux(TmuxCode),
    /// What is wrong with an entry, or with the root of a rule.
    Files(FilesCode),
    /// What a permission rule says.
    Permissions(PermissionsCode),
    /// What a cleanup rule says.
    Cleanup(CleanupCode),
    /// Why an entry is due for cleanup.
    Due(DueCode),
    /// What the agent says of itself, or of what it waits for.
    Agent(AgentCode),
    /// What a look over the network found wrong.
    Network(NetworkCode),
    /// What is wrong with something that others run.
    Workload(WorkloadCode),
    /// What is wrong with a unit of systemd.
    Unit(UnitCode),
    /// What a look at the host found wrong.
    Host(HostCode),
    /// What a measured fact breaks.
    Condition(ConditionCode),
    /// Something, and what is to be said of it.
    Noted {
        /// What.
        what: Box<Code>,
        /// What it means.
        note: Note,
    },
    /// Why a fact is not known.
    Untold {
        /// The fact.
        field: String,
        /// Why.
        why: Box<Code>,
    },
}

impl Said {
    /// A text of evenkeel's own.
    pub fn new(text: impl Into<String>, code: impl Into<Code>) -> Self {
        Self { text: text.into(), code: Some(Box::new(code.into())) }
    }

    /// Several texts as one, with `; ` between them.
    pub fn joined(all: Vec<Self>) -> Self {
        let text = all.iter().map(Self::text).collect::<Vec<_>>().join("; ");
        if all.len() > MOST_CODES {
            return text.into();
        }
        Self::new(text, Code::All(all.into_iter().map(Self::into_code).collect()))
    }

    /// An error that says `code`, with what it came from behind a colon.
    pub fn with_source(error: &dyn std::error::Error, code: impl Into<Code>) -> Self {
        let code = code.into();
        match error.source() {
            Some(source) => {
                let source = source.to_string();
                let text = format!("{error}: {source}");
                Self::new(text, Code::Because { what: Box::new(code), source })
            }
            None => Self::new(error.to_string(), code),
        }
    }

    /// `text`, which says `code` and ends with the words of the system.
    pub fn because(
        text: impl Into<String>,
        code: impl Into<Code>,
        source: &dyn fmt::Display,
    ) -> Self {
        let (what, source) = (Box::new(code.into()), source.to_string());
        Self::new(text, Code::Because { what, source })
    }

    /// As [`Said::with_source`], with all that the error came from.
    pub fn with_chain(error: &dyn std::error::Error, code: impl Into<Code>) -> Self {
        let (text, code) = (crate::chain(error), code.into());
        match error.source() {
            Some(source) => {
                let source = crate::chain(source);
                Self::new(text, Code::Because { what: Box::new(code), source })
            }
            None => Self::new(text, code),
        }
    }

    /// The text at `place` of a list that is kept, of which only the beginning is told.
    #[must_use]
    pub fn in_list(self, place: usize) -> Self {
        if place < MOST_CODES { self } else { self.text.into() }
    }

    /// That something is said of an entry.
    pub fn at(path: &str, what: Self) -> Self {
        let text = format!("{path}: {}", what.text);
        match what.code {
            Some(what) => Self::new(text, Code::At { path: path.to_owned(), what }),
            None => text.into(),
        }
    }

    /// In English.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says; `None`: others wrote it.
    pub fn code(&self) -> Option<&Code> {
        self.code.as_deref()
    }

    /// What it says, to be a part of another text.
    pub fn into_code(self) -> Code {
        self.code.map_or(Code::AsWritten(self.text), |code| *code)
    }

    /// The text, and what it says.
    pub fn into_parts(self) -> (String, Option<Box<Code>>) {
        (self.text, self.code)
    }

    /// The same with a note behind it.
    #[must_use]
    pub fn noted(self, note: Note) -> Self {
        let text = format!("{}{note}", self.text);
        Self::new(text, Code::Noted { what: Box::new(self.into_code()), note })
    }

    /// Why a fact is not known.
    pub fn untold(field: &str, why: Self) -> Self {
        let text = format!("`{field}` cannot be told: {}", why.text);
        let why = Box::new(why.into_code());
        Self::new(text, Code::Untold { field: field.to_owned(), why })
    }

    /// The same without secrets, also where they are among what it says as data.
    #[must_use]
    pub fn hide(&self, secrets: &Secrets) -> Self {
        let text = secrets.hide(&self.text);
        let code = self.code().and_then(|code| {
            let mut value = serde_json::to_value(code).ok()?;
            hide(&mut value, secrets);
            // A secret that is the name of something evenkeel says leaves the text alone.
            serde_json::from_value::<Code>(value).ok()
        });
        match code {
            Some(code) => Self::new(text, code),
            None => text.into(),
        }
    }

    /// As [`Said::into_parts`], of one that is still wanted.
    pub fn to_parts(&self) -> (String, Option<Box<Code>>) {
        self.clone().into_parts()
    }

    /// As [`Said::into_code`], of one that is still wanted.
    pub fn to_code(&self) -> Code {
        self.clone().into_code()
    }
}

fn hide(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.hide(text),
        Value::Array(all) => all.iter_mut().for_each(|value| hide(value, secrets)),
        Value::Object(all) => all.values_mut().for_each(|value| hide(value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Two that read the same are the same: what they say as data tells no news.
impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Said {}

impl PartialEq<&str> for Said {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl Deref for Said {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

/// As the text: programs read what people read.
impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// As others wrote it.
impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, code: None }
    }
}

/// As others wrote it.
impl From<&str> for Said {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

macro_rules! codes {
    ($($kind:ident($code:ty)),* $(,)?) => {
        $(impl From<$code> for Code {
            fn from(code: $code) -> Self {
                Self::$kind(code)
            }
        })*
    };
}

codes! {
    Action(ActionCode), Command(CommandCode), Process(ProcessCode), Supervisord(SupervisordCode), Systemd(SystemdCode),
    Tmux(TmuxCode), Files(FilesCode), Permissions(PermissionsCode), Cleanup(CleanupCode), Due(DueCode), Agent(AgentCode),
    Network(NetworkCode), Workload(WorkloadCode), Unit(UnitCode), Host(HostCode), Condition(ConditionCode),
}

/// What says itself in English.
macro_rules! texts {
    ($($code:ty),* $(,)?) => {
        $(impl From<$code> for Said {
            fn from(code: $code) -> Self {
                Self::new(code.to_string(), code)
            }
        })*
    };
}

texts!(NetworkCode, WorkloadCode, UnitCode, HostCode, ConditionCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_texts_are_one_and_what_others_wrote_stays_among_them() {
        let own = Said::new("the settings say so", AgentCode::SettingsObserve);
        let all = Said::joined(vec![own, "disk is full".into()]);
        assert_eq!(all.text(), "the settings say so; disk is full");
        let code = Code::All(vec![
            AgentCode::SettingsObserve.into(),
            Code::AsWritten("disk is full".to_owned()),
        ]);
        assert_eq!(all.code(), Some(&code));
    }

    #[test]
    fn a_secret_is_in_neither_the_text_nor_what_it_says_as_data() {
        let code = |said: &str| ActionCode::CommandEnded {
            command: "login".to_owned(),
            code: Some(1),
            signal: None,
            said: Some(said.to_owned()),
        };
        let said = Said::new("`login` ended with exit code 1: s3cr3t-value", code("s3cr3t-value"));
        let hidden = said.hide(&Secrets::new(["s3cr3t-value".to_owned()]));
        assert_eq!(hidden.text(), "`login` ended with exit code 1: ***");
        assert_eq!(hidden.into_code(), code("***").into());
        let named = Said::new("it ended by a defect", ActionCode::Defect);
        let unnamed = named.hide(&Secrets::new(["defect".to_owned()]));
        assert_eq!((unnamed.text(), unnamed.code()), ("it ended by a ***", None));
    }

    #[test]
    fn what_the_system_says_of_an_error_follows_it() {
        #[derive(Debug)]
        struct Failed(std::io::Error);
        impl fmt::Display for Failed {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("cannot look at it")
            }
        }
        impl std::error::Error for Failed {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Failed(std::io::Error::other("no such device"));
        let said = Said::with_source(&error, FilesCode::CannotLook);
        assert_eq!(said.text(), "cannot look at it: no such device");
        let what = Box::new(FilesCode::CannotLook.into());
        let because = Code::Because { what, source: "no such device".to_owned() };
        assert_eq!(said.into_code(), because);
    }
}
