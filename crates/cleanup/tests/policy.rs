//! Drafts that cannot be meant are refused with the key, the value and what is accepted.

use std::time::Duration;

use evenkeel_cleanup::{Action, AgeBy, Draft, Policy, Rule};

const OLD: Rule = Rule::OlderThan { age: Duration::from_mins(1), by: AgeBy::All };
const LARGE: Rule = Rule::LargerThan { bytes: 100_000 };

fn refused(rule: Rule, action: Action, change: impl FnOnce(&mut Draft)) -> String {
    let mut draft =
        Draft { matches: vec!["*.log".to_owned()], ..Draft::new("/srv/state", rule, action) };
    change(&mut draft);
    let error = Policy::try_new(draft).unwrap_err();
    assert!(!error.message.is_empty() && !error.accepted.is_empty());
    error.key
}

#[test]
fn roots_globs_and_caps_that_cannot_be_meant_are_refused() {
    for path in ["/", "/var/log", "state", "/srv/../etc"] {
        assert_eq!(refused(OLD, Action::Delete, |draft| draft.path = path.into()), "path");
    }
    for glob in ["a/*", "", "[z"] {
        assert_eq!(
            refused(OLD, Action::Delete, |draft| draft.matches = vec![glob.to_owned()]),
            "match"
        );
        assert_eq!(
            refused(OLD, Action::Delete, |draft| draft.exclude = vec![glob.to_owned()]),
            "exclude"
        );
    }
    assert_eq!(refused(OLD, Action::Delete, |draft| draft.matches.clear()), "match");
    assert_eq!(refused(OLD, Action::Delete, |draft| draft.max_files = Some(0)), "max_files");
    assert_eq!(refused(OLD, Action::Delete, |draft| draft.max_bytes = Some(0)), "max_bytes");
}

#[test]
fn rules_that_can_never_do_their_work_are_refused() {
    let now = Rule::OlderThan { age: Duration::ZERO, by: AgeBy::All };
    assert_eq!(refused(now, Action::Delete, |_| ()), "older_than");
    assert_eq!(refused(OLD, Action::Truncate { keep_tail: 0 }, |_| ()), "action");
    assert_eq!(refused(LARGE, Action::Truncate { keep_tail: 100_000 }, |_| ()), "keep_tail");
    assert_eq!(refused(LARGE, Action::Truncate { keep_tail: 99_000 }, |_| ()), "keep_tail");
}
