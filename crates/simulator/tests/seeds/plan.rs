//! Faults from a table: each with its kind, when it strikes, and what belongs to its kind.

use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_simulator::{
    ActionModel, AgentCrash, CrashAt, Drift, Due, Fault, Faults, Fill, Flap, Leak, Orphan, Pace,
    Span, Strike, What, When,
};
use jiff::SignedDuration;
use toml::{Table, Value};

use crate::case::Case;

/// The faults of a table that [`Case`] keeps; names that the settings do not have strike nobody.
pub(crate) fn faults(table: &Table, settings: &Settings) -> Result<Faults, String> {
    let mut faults = Faults::none();
    for (name, fault) in tables(table, "fault") {
        let what = what(fault, settings).ok_or_else(|| format!("no fault: {fault}"))?;
        let every = fault.get("every_ms").and_then(milliseconds);
        let at = list(fault, "at_ms").iter().filter_map(milliseconds).collect();
        faults.faults.insert(name.clone(), Fault { when: When { every, at }, what });
    }
    for (_, action) in tables(table, "action") {
        faults.actions.push(ActionModel {
            targets: names(action, "targets"),
            action: action.get("action").and_then(Value::as_str).map(str::to_owned),
            takes: span(action, "takes_ms").ok_or("no `takes_ms`")?,
            heals: number(action, "heals"),
            heals_from_step: u32::try_from(integer(action, "heals_from_step")).unwrap_or(1).max(1),
            fails: number(action, "fails"),
            impossible: number(action, "impossible"),
            hangs: number(action, "hangs"),
        });
    }
    if let Some(pace) = table.get("pace").and_then(Value::as_table) {
        let usual = Pace::default();
        faults.pace = Pace {
            answer: span(pace, "answer_ms").unwrap_or(usual.answer),
            write: pace.get("write_ms").and_then(milliseconds).unwrap_or(usual.write),
            restart: span(pace, "restart_ms").unwrap_or(usual.restart),
        };
    }
    Ok(faults)
}

fn what(fault: &Table, settings: &Settings) -> Option<What> {
    let strike = Strike {
        targets: names(fault, "targets"),
        together: fault.get("together").and_then(Value::as_bool).unwrap_or_default(),
        lasts: span(fault, "lasts_ms"),
        cured_by: fault.contains_key("cured_by").then(|| names(fault, "cured_by")),
    };
    let lasts = || span(fault, "lasts_ms");
    let targets = || names(fault, "targets");
    Some(match fault.get("kind")?.as_str()? {
        "crash" => What::Crash(strike),
        "hang" => What::Hang(strike),
        "slow" => What::Slow(strike, span(fault, "by_ms")?),
        "leak" => {
            let field = "rss_bytes".to_owned();
            let (from, per_hour) = (number(fault, "from"), number(fault, "per_hour"));
            What::Leak(strike, Leak { field, from, per_hour, until: number(fault, "until") })
        }
        "flap" => {
            let (down, up) = (span(fault, "down_ms")?, span(fault, "up_ms")?);
            What::Flap(strike, Flap { down, up })
        }
        "network" => What::Network(strike),
        "blind" => What::Blind(strike),
        "depends" => What::Depends { targets: targets(), on: names(fault, "on") },
        "drift" => What::Drift(Drift {
            rules: targets(),
            entries: u32::try_from(integer(fault, "entries")).unwrap_or(1),
            fights: fault.get("fights_ms").and_then(milliseconds),
        }),
        "due" => What::Due(Due {
            rules: targets(),
            entries: u32::try_from(integer(fault, "entries")).unwrap_or(1),
            bytes: 1_000_000,
        }),
        "fill" => What::Fill(Fill {
            checks: targets(),
            from: number(fault, "from"),
            per_hour: number(fault, "per_hour"),
            cleaned_by: names(fault, "cleaned_by"),
        }),
        "agent-crash" => What::AgentCrash(AgentCrash {
            when: match fault.get("when")?.as_str()? {
                "before-intent" => CrashAt::BeforeIntent,
                "before-action" => CrashAt::BeforeAction,
                "in-action" => CrashAt::InAction,
                _ => CrashAt::Once,
            },
            action: match fault.get("orphan")?.as_str()? {
                "goes-on" => Orphan::GoesOn,
                "is-cut" => Orphan::IsCut,
                _ => Orphan::Either,
            },
        }),
        "journal-full" => What::JournalFull(lasts()?),
        "clock-step" => What::ClockStep(SignedDuration::from_millis(integer(fault, "by_ms"))),
        "suspend" => What::Suspend(lasts()?),
        "starve" => What::Starve(lasts()?),
        "hold" => What::Hold { targets: targets(), lasts: lasts() },
        "release" => What::Release(targets()),
        "reset" => What::Reset(targets()),
        "reload" => What::Reload(match fault.get("settings").and_then(Value::as_table) {
            Some(other) => Some(Box::new(Case::load(other).ok()?)),
            None => Some(Box::new(settings.clone())),
        }),
        _ => return None,
    })
}

fn tables<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = (&'a String, &'a Table)> {
    let tables = table.get(key).and_then(Value::as_table).into_iter().flatten();
    tables.filter_map(|(name, value)| Some((name, value.as_table()?)))
}

fn list<'a>(table: &'a Table, key: &str) -> &'a [Value] {
    table.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn names(table: &Table, key: &str) -> Vec<String> {
    list(table, key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn span(table: &Table, key: &str) -> Option<Span> {
    let times: Vec<_> = list(table, key).iter().filter_map(milliseconds).collect();
    let [least, most] = times[..] else { return None };
    Some(Span { least, most })
}

fn milliseconds(value: &Value) -> Option<Duration> {
    Some(Duration::from_millis(u64::try_from(value.as_integer()?).ok()?))
}

fn number(table: &Table, key: &str) -> f64 {
    table.get(key).and_then(Value::as_float).unwrap_or_default()
}

fn integer(table: &Table, key: &str) -> i64 {
    table.get(key).and_then(Value::as_integer).unwrap_or_default()
}
