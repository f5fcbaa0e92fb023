use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn terms() -> Terms {
    let repeat = SignedDuration::from_secs(100);
    Terms { repeat, resolved: true, severities: None, grouped: true }
}

fn alert(name: &str, part: &str, phase: Phase, seconds: i64) -> Alert {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels =
        [label("alertname", name), label("part", part), label("severity", "warning")].into();
    Alert {
        labels,
        annotations: Labels::new(),
        value: 1.0,
        phase,
        active_at: at(seconds),
        fired_at: at(seconds),
        resolved_at: (phase == Phase::Resolved).then(|| at(seconds)),
        unsettled_until: None,
    }
}

/// Parts of a message by name, with whether they fire.
fn said(message: Option<&Vec<Parcel>>) -> Vec<(String, bool)> {
    let parts = message.into_iter().flatten();
    let mut said: Vec<_> =
        parts.map(|parcel| (parcel.labels["part"].clone(), parcel.ended_at.is_none())).collect();
    said.sort();
    said
}

#[test]
fn a_firing_alert_is_told_once_and_again_after_a_while() {
    let mut outbox = Outbox::new(terms());
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    let message = outbox.next(at(0)).unwrap();
    outbox.settle(&message, at(1));
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    assert_eq!(outbox.next(at(100)), None);
    assert_eq!(outbox.due(), Some(at(101)));
    assert_eq!(said(outbox.next(at(101)).as_ref()), [("1".to_owned(), true)]);
}

#[test]
fn an_end_is_kept_until_it_is_told_however_long_that_takes() {
    let mut outbox = Outbox::new(terms());
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    // It hung: nobody knows whether it arrived.
    outbox.next(at(0)).unwrap();
    outbox.post(&alert("a", "1", Phase::Resolved, 10));
    for seconds in [11, 1_000, 100_000] {
        let message = outbox.next(at(seconds)).unwrap();
        assert_eq!(said(Some(&message)), [("1".to_owned(), false)]);
        if seconds == 100_000 {
            outbox.settle(&message, at(seconds));
        }
    }
    assert_eq!((outbox.due(), outbox.parcels().count()), (None, 0));
}

#[test]
fn what_nobody_can_know_of_needs_no_end() {
    let mut outbox = Outbox::new(terms());
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    outbox.post(&alert("a", "1", Phase::Resolved, 1));
    assert_eq!(outbox.due(), None);
}

#[test]
fn the_end_of_one_does_not_look_like_the_end_of_its_group() {
    let mut outbox = Outbox::new(terms());
    for part in ["1", "2"] {
        outbox.post(&alert("a", part, Phase::Firing, 0));
    }
    outbox.post(&alert("b", "3", Phase::Firing, 0));
    let first = outbox.next(at(0)).unwrap();
    assert_eq!(said(Some(&first)), [("1".to_owned(), true), ("2".to_owned(), true)]);
    outbox.settle(&first, at(0));
    outbox.post(&alert("a", "1", Phase::Resolved, 5));
    let mut message = outbox.next(at(5)).unwrap();
    if message[0].group() == "b" {
        outbox.settle(&message, at(5));
        message = outbox.next(at(5)).unwrap();
    }
    assert_eq!(said(Some(&message)), [("1".to_owned(), false), ("2".to_owned(), true)]);
}

#[test]
fn an_alert_that_fires_anew_while_its_end_is_sent_is_told_anew() {
    let mut outbox = Outbox::new(terms());
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    let begun = outbox.next(at(0)).unwrap();
    outbox.settle(&begun, at(0));
    outbox.post(&alert("a", "1", Phase::Resolved, 5));
    let ended = outbox.next(at(5)).unwrap();
    outbox.post(&alert("a", "1", Phase::Firing, 6));
    outbox.settle(&ended, at(7));
    let message = outbox.next(at(7)).unwrap();
    assert_eq!(said(Some(&message)), [("1".to_owned(), true)]);
    assert_eq!(message[0].starts_at, at(6));
}

#[test]
fn after_a_restart_nothing_is_told_twice_and_no_end_is_forgotten() {
    let mut outbox = Outbox::new(terms());
    for part in ["1", "2"] {
        outbox.post(&alert("a", part, Phase::Firing, 0));
    }
    let message = outbox.next(at(0)).unwrap();
    outbox.settle(&message, at(1));
    let kept = serde_json::to_string(&outbox.parcels().collect::<Vec<_>>()).unwrap();

    let mut outbox = Outbox::new(terms());
    outbox.restore(serde_json::from_str(&kept).unwrap());
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    assert_eq!(outbox.next(at(50)), None);
    let first = fingerprint(&alert("a", "1", Phase::Firing, 0).labels);
    assert!(outbox.end_others(|key| key == first, at(60)));
    let ended = outbox.next(at(60)).unwrap();
    assert_eq!(said(Some(&ended)), [("1".to_owned(), true), ("2".to_owned(), false)]);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let mut outbox = Outbox::new(Terms { severities: Some(vec!["critical".into()]), ..terms() });
    assert_eq!(outbox.post(&alert("a", "1", Phase::Firing, 0)), Posted::default());
    let mut outbox = Outbox::new(Terms { resolved: false, ..terms() });
    outbox.post(&alert("a", "1", Phase::Firing, 0));
    let message = outbox.next(at(0)).unwrap();
    outbox.settle(&message, at(0));
    outbox.post(&alert("a", "1", Phase::Resolved, 5));
    assert_eq!(outbox.due(), None);
}

#[test]
fn a_full_box_turns_beginnings_away_and_keeps_ends() {
    let mut outbox = Outbox::new(Terms { grouped: false, ..terms() });
    for part in 0..MOST_ALERTS {
        outbox.post(&alert("a", &part.to_string(), Phase::Firing, 0));
    }
    assert_eq!(outbox.post(&alert("a", "more", Phase::Firing, 0)).turned_away, 1);
    let mut told = 0;
    while let Some(message) = outbox.next(at(0)) {
        assert!(message.len() <= MOST_IN_ONE);
        told += message.len();
        outbox.settle(&message, at(0));
    }
    assert_eq!(told, MOST_ALERTS);
    assert!(outbox.post(&alert("a", "7", Phase::Resolved, 1)).changed);
    assert_eq!(said(outbox.next(at(1)).as_ref()), [("7".to_owned(), false)]);
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Fires,
    Ends,
    /// An attempt that arrives, and is answered or not.
    Sends {
        answered: bool,
        arrives: bool,
    },
}

proptest! {
    /// Whatever fails in between: once the receiver answers, what it believes is what holds.
    #[test]
    fn in_the_end_the_receiver_believes_what_holds(
        events in prop::collection::vec(
            prop_oneof![
                Just(Event::Fires),
                Just(Event::Ends),
                (any::<bool>(), any::<bool>())
                    .prop_map(|(answered, arrives)| Event::Sends { answered, arrives }),
            ],
            0..60,
        ),
    ) {
        let mut outbox = Outbox::new(terms());
        let (mut fires, mut believes) = (false, false);
        let mut now = 0;
        let closing = [Event::Sends { answered: true, arrives: true }; 3];
        for event in events.into_iter().chain(closing) {
            now += 1;
            match event {
                Event::Fires => {
                    fires = true;
                    outbox.post(&alert("a", "1", Phase::Firing, now));
                }
                Event::Ends if fires => {
                    fires = false;
                    outbox.post(&alert("a", "1", Phase::Resolved, now));
                }
                Event::Ends => {}
                Event::Sends { answered, arrives } => {
                    let Some(message) = outbox.next(at(now)) else { continue };
                    if arrives || answered {
                        believes = message[0].ended_at.is_none();
                    }
                    if answered {
                        outbox.settle(&message, at(now));
                    }
                }
            }
        }
        prop_assert_eq!(believes, fires);
    }
}
