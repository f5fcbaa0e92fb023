//! The agent itself.

use std::time::Duration;

use super::{MINUTE, on_instance};
use crate::names;
use crate::rules::alert::{Alert, Severity};
use crate::rules::expr::Selector;
use crate::rules::scrape::AGENT_JOB;
use crate::rules::template::{Template, ValueFormat};
use crate::rules::unit_test::{AGENT, Case, INSTANCE, Watched};

/// A restart takes seconds, a reboot mostly less than this.
const GONE_FOR: Duration = Duration::from_mins(2);
const JOURNAL_ERRORS_SHOWN_FOR: Duration = Duration::from_mins(15);

pub(super) fn gone() -> Alert {
    let hour = Duration::from_hours(1);
    let up = || Selector::new("up").with("job", AGENT_JOB);
    Alert {
        name: "EvenkeelAgentGone".into(),
        // Does not answer; or was there within the hour and is no longer a target; or there is no target at all. Without the second
        // part one host of many that drops out of service discovery would take its alerts with it in silence.
        expr: up()
            .instant()
            .is(0_u64)
            .or(up().count_over_time(hour).unless(up().instant()))
            .or(up().absent_over_time(hour)),
        sustained_for: GONE_FOR,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: "An evenkeel agent is gone".into(),
        description: Template::new()
            .if_label(
                "instance",
                Template::new().text("The agent on ").label("instance"),
                Template::new().text("Every agent of job ").label("job"),
            )
            .text(" is gone: nothing on that host is watched or repaired, and its other alerts cannot fire."),
        anchor: "evenkeelagentgone",
        cases: gone_cases(),
    }
}

fn gone_cases() -> Vec<Case> {
    const JOB: [(&str, &str); 1] = [("job", AGENT_JOB)];
    let other = [("job", AGENT_JOB), ("instance", "other.example:9720")];
    let case = |what: &str| Case::new(what, MINUTE);
    vec![
        case("an agent that answers is there").series("up", &AGENT, "1x90").quiet(10).quiet(90),
        case("an agent that does not answer is gone")
            .series("up", &AGENT, "1x4 0x9 1x9")
            .quiet(6)
            .fires(7, &AGENT, 0.0)
            .quiet(15),
        case("one of two that is no longer a target is gone")
            .series("up", &AGENT, "1x4 stale")
            .series("up", &other, "1x30")
            .quiet(6)
            .fires(7, &AGENT, 5.0)
            .fires(30, &AGENT, 5.0),
        case("the only one that is no longer a target is gone, also after the hour")
            .series("up", &AGENT, "1x4 stale")
            .fires(7, &AGENT, 5.0)
            .fires(90, &JOB, 1.0),
        case("a job without any target is gone").quiet(1).fires(2, &JOB, 1.0),
    ]
}

pub(super) fn observe_only() -> Alert {
    let name = names::AGENT_OBSERVE_ONLY;
    let sustained_for = 5 * MINUTE;
    Alert {
        name: "EvenkeelAgentObserveOnly".into(),
        expr: Selector::new(name).instant().is(1_u64),
        sustained_for,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: Template::new().text("The agent on ").label("instance").text(" only observes"),
        description: Template::new()
            .text("The agent on ")
            .label("instance")
            .text(" repairs nothing, although its settings say that it shall: it was started too often in a short time, cannot trust its own history, or was started with `--observe`."),
        anchor: "evenkeelagentobserveonly",
        cases: Watched { name, labels: &AGENT }.sustained(0, 1, sustained_for),
    }
}

pub(super) fn journal_errors() -> Alert {
    let name = names::AGENT_JOURNAL_ERRORS;
    Alert {
        name: "EvenkeelJournalErrors".into(),
        expr: Selector::new(name).increase(JOURNAL_ERRORS_SHOWN_FOR).above(0_u64),
        sustained_for: Duration::ZERO,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: Template::new()
            .text("The agent on ")
            .label("instance")
            .text(" cannot write its history"),
        description: Template::new()
            .value(ValueFormat::Whole)
            .text(" tries of the last 15 minutes to write the journal failed on ")
            .label("instance")
            .text(": what happens waits for room to be written, and what cannot be written down before an action is not done."),
        anchor: "evenkeeljournalerrors",
        cases: Watched { name, labels: &[("job", AGENT_JOB), ("instance", INSTANCE)] }
            .counted(JOURNAL_ERRORS_SHOWN_FOR),
    }
}

pub(super) fn reload_failed() -> Alert {
    let name = names::AGENT_CONFIG_RELOAD_SUCCESSFUL;
    // Long enough to correct a slip before anybody is told.
    let sustained_for = 5 * MINUTE;
    Alert {
        name: "EvenkeelReloadFailed".into(),
        expr: Selector::new(name).instant().is(0_u64),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance("The settings".into()).text(" were refused"),
        description: Template::new()
            .text("The agent on ")
            .label("instance")
            .text(" could not take the new settings into force and goes on with those of before; `evenkeel config check` says what is wrong."),
        anchor: "evenkeelreloadfailed",
        cases: Watched { name, labels: &AGENT }.sustained(1, 0, sustained_for),
    }
}

pub(super) fn collector_failing() -> Alert {
    let name = names::COLLECTOR_SUCCESS;
    let sustained_for = 5 * MINUTE;
    let labels = [&[("collector", "permissions"), ("rule", "web")], &AGENT[..]].concat();
    Alert {
        name: "EvenkeelCollectorFailing".into(),
        expr: Selector::new(name).instant().is(0_u64),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: Template::new()
            .text("Collector ")
            .label("collector")
            .if_label("rule", Template::new().text(" of ").label("rule"), Template::new())
            .text(" fails on ")
            .label("instance"),
        description: Template::new()
            .text("The last look of the collector ")
            .label("collector")
            .if_label("rule", Template::new().text(" at the rule ").label("rule"), Template::new())
            .text(" did not succeed: what it should see on ")
            .label("instance")
            .text(" is not known."),
        anchor: "evenkeelcollectorfailing",
        cases: Watched { name, labels: &labels }.sustained(1, 0, sustained_for),
    }
}
