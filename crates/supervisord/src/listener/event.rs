use crate::ProgramState;

/// What supervisord told, as far as anyone here wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Time went by: `TICK_5`, `TICK_60`, `TICK_3600`.
    Tick,
    /// A program changed its state: `PROCESS_STATE_…`.
    Program(ProgramEvent),
    /// A group was added or removed: `PROCESS_GROUP_…`.
    Groups,
    /// Anything else, such as a line that a program wrote.
    Other,
}

/// A program that changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEvent {
    /// Its group.
    pub group: String,
    /// Its name within the group.
    pub name: String,
    /// The state it is in now.
    pub state: ProgramState,
}

/// `PROCESS_STATE_RUNNING` and the like; what follows is a state's name.
const STATE_PREFIX: &str = "PROCESS_STATE_";

impl Event {
    /// The event of this name with the beginning of its payload.
    pub(crate) fn new(name: &str, payload: &[u8]) -> Self {
        if name.starts_with("TICK") {
            return Self::Tick;
        }
        if name.starts_with("PROCESS_GROUP") {
            return Self::Groups;
        }
        let state = name.strip_prefix(STATE_PREFIX).and_then(ProgramState::from_name);
        // A payload that says it in another way is no reason to stop: supervisord is asked anyway.
        state.and_then(|state| ProgramEvent::new(state, payload)).map_or(Self::Other, Self::Program)
    }
}

impl ProgramEvent {
    fn new(state: ProgramState, payload: &[u8]) -> Option<Self> {
        let line = str::from_utf8(payload).ok()?.lines().next()?;
        let value = |key: &str| {
            let mut pairs = line.split_ascii_whitespace().filter_map(|word| word.split_once(':'));
            pairs.find(|(found, _)| *found == key).map(|(_, value)| value.to_owned())
        };
        Some(Self { group: value("groupname")?, name: value("processname")?, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_group_its_name_and_its_new_state() {
        let payload = b"processname:worker_01 groupname:web from_state:RUNNING expected:0 pid:2659";
        let program = ProgramEvent {
            group: "web".into(),
            name: "worker_01".into(),
            state: ProgramState::Exited,
        };
        assert_eq!(Event::new("PROCESS_STATE_EXITED", payload), Event::Program(program));
    }

    #[test]
    fn what_is_of_no_use_is_no_error() {
        assert_eq!(Event::new("TICK_60", b"when:1201063880"), Event::Tick);
        assert_eq!(Event::new("PROCESS_GROUP_ADDED", b"groupname:cat\n"), Event::Groups);
        assert_eq!(
            Event::new("PROCESS_LOG_STDOUT", b"processname:a groupname:b\n\xff"),
            Event::Other
        );
        assert_eq!(Event::new("PROCESS_STATE_EXITED", b"\xff"), Event::Other);
        assert_eq!(Event::new("PROCESS_STATE_DANCING", b"processname:a groupname:b"), Event::Other);
    }
}
