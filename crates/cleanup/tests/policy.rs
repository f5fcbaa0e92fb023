//! Drafts that cannot be meant are refused with the key, the value and what is accepted.

use std::time::Duration;

use evenkeel_cleanup::{
    Action, ActionKind, AgeBy, DEFAULT_TRASH_TTL, Draft, Policy, PolicyError, Resource, Share,
    Stamp, Trigger, Unit, Watermark,
};

const OLD: Trigger = Trigger::OlderThan(Duration::from_mins(1));
const LARGE: Trigger = Trigger::LargerThan(100_000);
const TOTAL: Trigger = Trigger::MaxTotal(1_000_000);
const COUNT: Trigger = Trigger::MaxCount(5);
const TRASH: Action = Action::Trash { ttl: DEFAULT_TRASH_TTL };
const EMPTY: Action = Action::Truncate { keep_tail: 0 };

fn full(high: &str, low: &str) -> Trigger {
    let (high, low) = (high.parse().unwrap(), low.parse().unwrap());
    Trigger::Watermark(Watermark { high, low, of: Resource::Disk })
}

fn draft(trigger: Trigger, action: Action) -> Draft {
    Draft { matches: vec!["*.log".to_owned()], ..Draft::new("/srv/state", trigger, action) }
}

fn error(trigger: Trigger, action: Action, change: impl FnOnce(&mut Draft)) -> PolicyError {
    let mut draft = draft(trigger, action);
    change(&mut draft);
    let error = Policy::try_new(draft).unwrap_err();
    assert!(!error.message.is_empty() && !error.accepted.is_empty(), "{error}");
    error
}

fn refused(trigger: Trigger, action: Action, change: impl FnOnce(&mut Draft)) -> String {
    error(trigger, action, change).key
}

#[test]
fn roots_globs_and_caps_that_cannot_be_meant_are_refused() {
    let delete = Action::Delete;
    for path in ["/", "/var/log", "state", "/srv/../etc"] {
        assert_eq!(refused(OLD, delete, |draft| draft.path = path.into()), "path");
    }
    for glob in ["a/*", "", "[z", ".."] {
        assert_eq!(refused(OLD, delete, |draft| draft.matches = vec![glob.to_owned()]), "match");
        assert_eq!(refused(OLD, delete, |draft| draft.exclude = vec![glob.to_owned()]), "exclude");
    }
    assert_eq!(refused(OLD, delete, |draft| draft.matches.clear()), "match");
    assert_eq!(refused(OLD, delete, |draft| draft.exclude = vec!["*.l*".to_owned()]), "match");
    assert_eq!(refused(OLD, delete, |draft| draft.max_files = Some(0)), "max_files");
    assert_eq!(refused(OLD, delete, |draft| draft.max_bytes = Some(0)), "max_bytes");
    assert_eq!(refused(OLD, delete, |draft| draft.max_ratio = Some(Share::NOTHING)), "max_ratio");
    assert_eq!(refused(OLD, delete, |draft| draft.age_by = AgeBy::of([])), "age_by");
    for user in ["", "a:b", "a/b", "4294967295", "a\n"] {
        assert_eq!(refused(OLD, delete, |draft| draft.run_as = Some(user.to_owned())), "run_as");
    }
}

#[test]
fn triggers_that_could_never_stop_or_start_are_refused() {
    let key = |trigger| refused(trigger, Action::Delete, |_| ());
    assert_eq!(key(Trigger::OlderThan(Duration::ZERO)), "older_than");
    assert_eq!(key(Trigger::MaxTotal(0)), "max_total");
    assert_eq!(key(Trigger::MaxCount(0)), "max_count");
    assert_eq!(key(full("100%", "80%")), "watermark.high");
    assert_eq!(key(full("90%", "90%")), "watermark.low");
    assert_eq!(key(full("80%", "90%")), "watermark.low");
    assert_eq!(key(full("80%", "0%")), "watermark.low");
}

#[test]
fn actions_that_can_never_do_their_work_are_refused() {
    assert_eq!(refused(OLD, EMPTY, |_| ()), "action");
    for trigger in [TOTAL, COUNT, full("90%", "80%")] {
        let error = error(trigger, EMPTY, |_| ());
        assert_eq!((error.key.as_str(), error.value.as_str()), ("action", "truncate"));
    }
    assert_eq!(refused(LARGE, Action::Truncate { keep_tail: 100_000 }, |_| ()), "keep_tail");
    assert_eq!(refused(LARGE, Action::Truncate { keep_tail: 99_000 }, |_| ()), "keep_tail");
    for action in [EMPTY, Action::Compress] {
        assert_eq!(refused(LARGE, action, |draft| draft.unit = Unit::Directory), "action");
    }
    for action in [TRASH, Action::Compress] {
        assert_eq!(refused(full("90%", "80%"), action, |_| ()), "action");
    }
    let compressed = |draft: &mut Draft| draft.matches = vec!["*.log.gz".to_owned()];
    assert_eq!(refused(OLD, Action::Compress, compressed), "match");
    assert_eq!(refused(OLD, Action::Trash { ttl: Duration::ZERO }, |_| ()), "trash_ttl");
}

#[test]
fn a_number_of_newest_that_cannot_be_kept_is_refused() {
    let newest = |number| move |draft: &mut Draft| draft.keep_newest = Some(number);
    assert_eq!(refused(OLD, Action::Delete, newest(0)), "keep_newest");
    assert_eq!(refused(LARGE, EMPTY, newest(3)), "keep_newest");
    let error = error(COUNT, Action::Delete, newest(6));
    assert_eq!((error.key.as_str(), error.value.as_str()), ("keep_newest", "6"));
    assert!(error.message.contains("max_count") && error.accepted.contains('5'));
    let fits = Draft { keep_newest: Some(5), ..draft(COUNT, Action::Delete) };
    Policy::try_new(fits).unwrap();
}

#[test]
fn what_belongs_to_another_action_is_refused() {
    let day = Some(Duration::from_hours(24));
    for kind in ActionKind::ALL {
        let tail = Action::try_new(kind, Some(1), None);
        assert_eq!(tail.is_ok(), kind == ActionKind::Truncate, "{kind:?}");
        let ttl = Action::try_new(kind, None, day);
        assert_eq!(ttl.is_ok(), kind == ActionKind::Trash, "{kind:?}");
        assert_eq!(Action::try_new(kind, None, None).unwrap().as_str(), kind.as_str());
    }
    let error = Action::try_new(ActionKind::Delete, None, day).unwrap_err();
    assert_eq!((error.key.as_str(), error.value.as_str()), ("trash_ttl", "1day"));
}

#[test]
fn all_that_fits_together_is_accepted() {
    let triggers = [OLD, LARGE, TOTAL, COUNT, full("90%", "80%")];
    let mut accepted = 0;
    for trigger in triggers {
        for unit in [Unit::File, Unit::Directory] {
            for action in [Action::Delete, EMPTY, TRASH, Action::Compress] {
                let draft = Draft { unit, ..draft(trigger, action) };
                accepted += u32::from(Policy::try_new(draft).is_ok());
            }
        }
    }
    // Each deletes both units; trash and compress leave out the watermark, compress and truncate directories.
    assert_eq!(accepted, 10 + 8 + 4 + 1);
}

#[test]
fn times_that_tell_an_age_are_read_by_name() {
    assert_eq!(AgeBy::parse(&["all"]), Ok(AgeBy::ALL));
    assert_eq!(AgeBy::parse(&["ctime", "btime", "mtime"]), Ok(AgeBy::ALL));
    assert_eq!(AgeBy::parse(&["mtime", "atime"]).unwrap().to_string(), "mtime, atime");
    assert_eq!(AgeBy::parse(&["mtime", "all"]), Err("all"));
    assert_eq!(AgeBy::parse(&["dtime"]), Err("dtime"));
    assert!(!AgeBy::ALL.contains(Stamp::Atime));
}
