use proptest::prelude::*;

use super::*;
use crate::ProgramState;

const TICK: &str =
    "ver:3.0 server:ek serial:4 pool:p poolserial:2 eventname:TICK_5 len:15\nwhen:1201063880";

fn event(name: &str, payload: &str) -> String {
    let len = payload.chars().count();
    format!("ver:3.0 server:ek serial:4 pool:p poolserial:2 eventname:{name} len:{len}\n{payload}")
}

/// Everything that a decoder finds in pieces of this length; the sender waits for each answer, so none is across two events.
fn decoded(events: &[String], piece: usize) -> Result<Vec<Event>, ProtocolError> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for event in events {
        for bytes in event.as_bytes().chunks(piece) {
            found.extend(decoder.take(bytes)?);
        }
    }
    assert!(decoder.is_between_events());
    Ok(found)
}

#[track_caller]
fn refuse(header: &str, expected: ProtocolError) {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.take(header.as_bytes()), Err(expected), "{header:?}");
    assert_eq!(decoder.take(TICK.as_bytes()), Err(ProtocolError::Lost), "there is no way back");
}

#[test]
fn an_event_is_whole_with_the_last_character_of_its_payload() {
    let mut decoder = Decoder::new();
    let (most, last) = TICK.split_at(TICK.len() - 1);
    assert_eq!(decoder.take(most.as_bytes()), Ok(None));
    assert!(!decoder.is_between_events());
    assert_eq!(decoder.take(last.as_bytes()), Ok(Some(Event::Tick)));
    assert!(decoder.is_between_events());
}

#[test]
fn an_event_without_a_payload_is_whole_with_its_header() {
    let event = event("SUPERVISOR_STATE_CHANGE_STOPPING", "");
    assert_eq!(Decoder::new().take(event.as_bytes()), Ok(Some(Event::Other)));
}

#[test]
fn a_length_counts_characters_as_supervisord_does() {
    let payload = "processname:wörker groupname:東京 from_state:RUNNING expected:0 pid:7";
    for piece in [1, 2, 3, 1000] {
        let found = decoded(&[event("PROCESS_STATE_EXITED", payload), TICK.to_owned()], piece);
        let [Event::Program(program), Event::Tick] = found.as_deref().unwrap() else {
            panic!("{found:?}")
        };
        assert_eq!((program.name.as_str(), program.group.as_str()), ("wörker", "東京"));
        assert_eq!(program.state, ProgramState::Exited);
    }
}

#[test]
fn whatever_is_not_the_protocol_is_refused_in_words() {
    let lacks = |key| ProtocolError::Lacks { key };
    refuse("\n", lacks("ver"));
    refuse("ver:3.0 len:0\n", lacks("eventname"));
    refuse("ver:3.0 eventname: len:0\n", lacks("eventname"));
    refuse("ver:3.0 eventname:TICK_5\n", lacks("len"));
    refuse("ver:2.0 eventname:TICK_5 len:0\n", ProtocolError::Version { version: "2.0".into() });
    refuse("ver:3.0 ver:3.0 eventname:TICK_5 len:0\n", ProtocolError::Twice { key: "ver" });
    refuse("ver:3.0 my host\n", ProtocolError::NotKeyValue { word: "my".into() });
    refuse("\u{1b}[31m\n", ProtocolError::NotKeyValue { word: "\\u{1b}[31m".into() });
    for len in ["", "-1", "+1", "1e3", "0x10", "268435457", "99999999999999999999999"] {
        let header = format!("ver:3.0 eventname:TICK_5 len:{len}\n");
        refuse(&header, ProtocolError::Length { len: len.into() });
    }
    refuse(&format!("{TICK}ver:3.0"), ProtocolError::Unasked);
    refuse(&"x".repeat(LONGEST_HEADER + 1), ProtocolError::HeaderTooLong);
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange_and_none_make_it_grow(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..40),
    ) {
        let mut decoder = Decoder::new();
        for piece in &pieces {
            let _ = decoder.take(piece);
            prop_assert!(decoder.kept.len() <= LONGEST_HEADER);
        }
    }

    #[test]
    fn no_payload_is_too_strange_and_none_makes_it_grow(
        len in 0..100_000u64,
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5000), 0..20),
    ) {
        let mut decoder = Decoder::new();
        let header = format!("ver:3.0 eventname:PROCESS_STATE_EXITED len:{len}\n");
        let _ = decoder.take(header.as_bytes());
        for piece in &pieces {
            let _ = decoder.take(piece);
            prop_assert!(decoder.kept.capacity() <= 2 * LONGEST_HEADER);
        }
    }

    #[test]
    fn words_of_a_header_in_any_order_and_number_never_panic(
        words in prop::collection::vec("(ver|len|eventname|server|x)?:?[0-9a-zA-Z_.:é]{0,6}", 0..12),
    ) {
        let _ = Decoder::new().take(format!("{}\n", words.join(" ")).as_bytes());
    }

    #[test]
    fn events_are_the_same_however_the_pipe_cuts_them(
        payloads in prop::collection::vec("\\PC{0,40}", 1..8),
        piece in 1..50usize,
    ) {
        let events: Vec<_> =
            payloads.iter().map(|payload| event("REMOTE_COMMUNICATION", payload)).collect();
        let found = decoded(&events, piece);
        prop_assert_eq!(found, Ok(vec![Event::Other; events.len()]));
    }
}
