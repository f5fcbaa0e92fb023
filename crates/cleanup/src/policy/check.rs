use std::path::Component;

use evenkeel_names::{Glob, GlobError, GlobSet};

use super::{
    Action, COMPRESSED_SUFFIX, Draft, PolicyError, Share, TRUNCATE_MARGIN_BYTES, Trigger, Unit,
    Watermark, refuse,
};

type Checked = Result<(), PolicyError>;

/// Checks a draft; returns what it matches and what it excludes.
pub(super) fn check(draft: &Draft) -> Result<(GlobSet, GlobSet), PolicyError> {
    check_path(draft)?;
    let names = check_names(draft)?;
    check_trigger(draft.trigger)?;
    check_keep_newest(draft)?;
    check_action(draft)?;
    if draft.age_by.is_empty() {
        return Err(refuse("age_by", "", "no time would tell an age", super::AgeBy::ACCEPTED));
    }
    check_caps(draft)?;
    check_run_as(draft)?;
    Ok(names)
}

fn check_path(draft: &Draft) -> Checked {
    let refuse = |message: &str, accepted: &str| {
        Err(refuse("path", &evenkeel_safefs::escaped(&draft.path), message, accepted))
    };
    if !draft.path.is_absolute() {
        return refuse("not an absolute path", "a directory from `/` on");
    }
    if draft.path.components().any(|part| part == Component::ParentDir) {
        return refuse("`..` means something else after a link", "the path written out");
    }
    if !draft.allow_system_path && evenkeel_safefs::is_system_path(&draft.path) {
        return refuse(
            "a directory of the system as a whole",
            "a directory of its own below, or `allow_system_path = true`",
        );
    }
    Ok(())
}

fn check_names(draft: &Draft) -> Result<(GlobSet, GlobSet), PolicyError> {
    if draft.matches.is_empty() {
        let message = "a rule without a name would take everything";
        return Err(refuse("match", "", message, "globs such as `*.log`"));
    }
    let globs = |key: &str, texts: &[String]| {
        GlobSet::try_new(texts)
            .map_err(|error| refuse(key, &error.glob, &error.message, GlobError::ACCEPTED))
    };
    let (matches, exclude) = (globs("match", &draft.matches)?, globs("exclude", &draft.exclude)?);
    let compressed = Glob::try_new(&format!("*{COMPRESSED_SUFFIX}")).ok();
    for glob in matches.globs() {
        if let Some(by) = exclude.covering(glob) {
            let message =
                format!("it can never count: `{by}` in `exclude` leaves all its names out");
            return Err(refuse("match", glob.as_str(), &message, "names that are left over"));
        }
        if draft.action == Action::Compress
            && compressed.as_ref().is_some_and(|compressed| compressed.covers(glob))
        {
            let message = "what has such a name is compressed already, and is not compressed again";
            return Err(refuse(
                "match",
                glob.as_str(),
                message,
                "names before compression, such as `*.log`",
            ));
        }
    }
    Ok((matches, exclude))
}

fn check_trigger(trigger: Trigger) -> Checked {
    let key = trigger.as_str();
    match trigger {
        Trigger::OlderThan(age) if age.is_zero() => {
            Err(refuse(key, "0s", "every entry is older", "a duration such as `7d`"))
        }
        Trigger::MaxTotal(0) => {
            Err(refuse(key, "0", "nothing could stay", "a size above zero, such as `1GiB`"))
        }
        Trigger::MaxCount(0) => Err(refuse(key, "0", "nothing could stay", "a number above zero")),
        Trigger::Watermark(Watermark { high, low, .. }) => check_watermark(high, low),
        Trigger::OlderThan(_)
        | Trigger::BeforeBoot
        | Trigger::LargerThan(_)
        | Trigger::MaxTotal(_)
        | Trigger::MaxCount(_) => Ok(()),
    }
}

fn check_watermark(high: Share, low: Share) -> Checked {
    if high == Share::ALL {
        let message = "a filesystem is never fuller than full";
        return Err(refuse("watermark.high", &high.to_string(), message, "less than `100%`"));
    }
    if low == Share::NOTHING {
        let message = "everything that matches would have to go";
        return Err(refuse("watermark.low", &low.to_string(), message, "more than `0%`"));
    }
    if low >= high {
        let message = format!("a run starts above `high` = {high} and must bring the usage down");
        let accepted = format!("less than {high}");
        return Err(refuse("watermark.low", &low.to_string(), &message, &accepted));
    }
    Ok(())
}

fn check_keep_newest(draft: &Draft) -> Checked {
    let Some(newest) = draft.keep_newest else { return Ok(()) };
    let refuse = |message: &str, accepted: &str| {
        Err(refuse("keep_newest", &newest.to_string(), message, accepted))
    };
    if newest == 0 {
        return refuse("it would keep nothing", "a number above zero");
    }
    if let Action::Truncate { .. } = draft.action {
        return refuse(
            "the newest are those that are written to, and so those that grow",
            "`keep_newest` with another action",
        );
    }
    match draft.trigger {
        Trigger::MaxCount(limit) if newest > limit => refuse(
            &format!("more than `max_count` = {limit} would have to stay"),
            &format!("at most {limit}"),
        ),
        _ => Ok(()),
    }
}

fn check_action(draft: &Draft) -> Checked {
    let (action, trigger) = (draft.action, draft.trigger);
    let other =
        |message: &str, accepted: &str| Err(refuse("action", action.as_str(), message, accepted));
    match (action, trigger) {
        (Action::Truncate { .. } | Action::Compress, _) if draft.unit == Unit::Directory => {
            let accepted = "`delete` or `trash`, or `unit = \"file\"`";
            return other("that can be done with a file only, not with a directory", accepted);
        }
        (Action::Truncate { keep_tail }, Trigger::LargerThan(bytes)) => {
            if keep_tail > 0 && bytes.saturating_sub(keep_tail) < TRUNCATE_MARGIN_BYTES {
                let accepted =
                    format!("`larger_than` less {TRUNCATE_MARGIN_BYTES} bytes, or less than that");
                let message = "the file would be too large again at once";
                return Err(refuse("keep_tail", &keep_tail.to_string(), message, &accepted));
            }
        }
        (Action::Truncate { .. }, Trigger::OlderThan(_) | Trigger::BeforeBoot) => {
            return other(
                "shortening a file makes it young, not smaller than a limit",
                "`delete`, or `larger_than` in place of `older_than`",
            );
        }
        (Action::Truncate { .. }, _) => {
            let message = format!("`{}` takes the oldest away as a whole", trigger.as_str());
            let accepted = format!("`delete`, or `larger_than` in place of `{}`", trigger.as_str());
            return other(&message, &accepted);
        }
        (Action::Trash { .. }, Trigger::Watermark(_)) => {
            return other(
                "what is in the trash is still on the same filesystem: each run would take more and gain nothing",
                "`delete`, or `max_total` in place of `watermark`",
            );
        }
        (Action::Compress, Trigger::Watermark(_)) => {
            return other(
                "what compressing gains is not known before it is done",
                "`delete`, or `older_than` in place of `watermark`",
            );
        }
        (Action::Delete | Action::Trash { .. } | Action::Compress, _) => {}
    }
    match action {
        Action::Trash { ttl } if ttl.is_zero() => {
            let message = "it would be gone at once";
            Err(refuse(
                "trash_ttl",
                "0s",
                message,
                "a duration such as `7d`, or `action = \"delete\"`",
            ))
        }
        _ => Ok(()),
    }
}

fn check_caps(draft: &Draft) -> Checked {
    let none = "a run could never take anything";
    for (key, cap) in [("max_files", draft.max_files), ("max_bytes", draft.max_bytes)] {
        if cap == Some(0) {
            return Err(refuse(key, "0", none, "a number above zero"));
        }
    }
    if draft.max_ratio == Some(Share::NOTHING) {
        return Err(refuse(
            "max_ratio",
            "0%",
            none,
            "above 0 and at most 1, such as `0.5` or `50%`",
        ));
    }
    Ok(())
}

fn check_run_as(draft: &Draft) -> Checked {
    let Some(user) = &draft.run_as else { return Ok(()) };
    let is_name = !user.is_empty() && !user.contains([':', '/', '\0', '\n']);
    // chown(2) reads the largest number as "leave it", and so it is no user's.
    if is_name && user.parse() != Ok(u32::MAX) {
        return Ok(());
    }
    let accepted = "a name such as `supervisor`, or a number such as `1000`";
    Err(refuse("run_as", user, "not a name or number of a user", accepted))
}
