use evenkeel_shown::said::{
    ActionCode, AgentCode, Aim, Code, NetworkCode, PermissionsCode, WatchedBy,
};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::*;
use crate::rows::{ActionRow, PartRow, Sample};
use crate::strip::{Stretch, Verdict};
use crate::target::{IncidentPage, incident};
use crate::view::Theme;

const HOSTILE: &str =
    "<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m\0\"'&</title><script>alert(2)</script>";

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().expect("a time")
}

fn view(lang: Lang) -> View {
    View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now: now() }
}

/// A line in which every text is `name`, also where it is told again from its data.
fn event(name: &str, kind: &str) -> EventRow {
    let text = || name.to_owned();
    EventRow {
        id: i64::MIN,
        at: now(),
        kind: kind.to_owned(),
        target: text(),
        incident: Some(1),
        message: text(),
        data: serde_json::json!({
            "action": name,
            "detail": name,
            "detail_code": Code::At {
                path: name.to_owned(),
                what: Box::new(Code::AsWritten(name.to_owned())),
            },
        }),
    }
}

/// A page on which every text is `name`.
#[expect(clippy::too_many_lines, reason = "a list")]
fn data(name: &str) -> Overview {
    let text = || name.to_owned();
    let unit = Aim::RestartUnit { unit: text() };
    let why = Box::new(Code::AsWritten(text()));
    let code = || Code::Action(ActionCode::Cannot { aim: unit.clone(), why: why.clone() });
    let span = now() - 24.hours()..now();
    let stretch = Stretch { from: span.start, until: span.end, verdict: Verdict::Good };
    Overview {
        frame: Frame {
            host: text(),
            version: text(),
            observes: Some(text()),
            observes_code: Some(code()),
            started_at: now(),
            address: "/".to_owned(),
        },
        healthy: false,
        storm: Some(text()),
        storm_refusal: serde_json::json!({ "refusal": "busy", "with": name }),
        checks: vec![CheckRow {
            name: text(),
            kind: text(),
            target: text(),
            state: "down".to_owned(),
            reason: Some(text()),
            breaker: Some(text()),
            since: Some(now()),
            parts: vec![PartRow {
                name: text(),
                state: text(),
                reason: Some(text()),
                reason_code: None,
            }],
            stretches: Some(vec![stretch]),
            ..CheckRow::default()
        }],
        recoveries: vec![RecoveryRow {
            target: text(),
            phase: "acting".to_owned(),
            attempt: u32::MAX,
            step: Some(text()),
            budget_remaining: 0,
            reason: Some(text()),
            reason_code: None,
            refusal: serde_json::json!({
                "refusal": "observe_only", "why": name, "why_code": code(),
            }),
        }],
        rules: vec![RuleRow {
            name: text(),
            kind: text(),
            path: text(),
            last_run: Some(now()),
            ok: Some(false),
            detail: text(),
            detail_code: Some(code()),
            repairs: u64::MAX,
            watched: Some(text()),
            watched_code: None,
        }],
        slos: vec![SloRow {
            name: text(),
            checks: vec![text()],
            objective: 0.999,
            window: jiff::SignedDuration::from_hours(720),
            availability: None,
            coverage: None,
            budget_remaining: Some(f64::NEG_INFINITY),
            bad: jiff::SignedDuration::MAX,
            span: span.clone(),
            stretches: vec![stretch],
        }],
        holds: vec![HoldRow {
            target: text(),
            since: now(),
            until: None,
            reason: text(),
            by: text(),
        }],
        alerts: vec![AlertRow { name: text(), severity: text(), since: now(), summary: text() }],
        incidents: vec![IncidentRow {
            id: i64::MAX,
            target: text(),
            cause: text(),
            opened: now(),
            closed: None,
            outcome: Some(text()),
            actions: None,
        }],
        drifts: vec![DriftRow {
            at: now(),
            rule: text(),
            path: text(),
            what: text(),
            before: text(),
            after: text(),
            by: Some(text()),
        }],
        cleanups: vec![CleanupRow {
            at: now(),
            rule: text(),
            action: text(),
            entries: u64::MAX,
            bytes: u64::MAX,
            sample: vec![Sample { text: text(), code: None }; 9],
            undo: Some(text()),
        }],
        events: vec![event(name, name), event(name, "acted")],
        span,
    }
}

/// A host on which all is well.
fn well() -> Overview {
    let up = CheckRow { name: "web".to_owned(), state: "up".to_owned(), ..CheckRow::default() };
    Overview {
        healthy: true,
        storm: None,
        storm_refusal: Value::Null,
        checks: vec![up],
        recoveries: Vec::new(),
        rules: Vec::new(),
        ..data("x")
    }
}

#[track_caller]
fn headline_is(data: &Overview, en: &str, ja: &str) {
    for (lang, expected) in [(Lang::En, en), (Lang::Ja, ja)] {
        let page = overview(&view(lang), data);
        let (_, title) = page.split_once("<title>").expect("a title");
        assert!(title.starts_with(expected), "{expected}: {}", &title[..80.min(title.len())]);
    }
}

#[test]
fn one_glance_says_whether_all_holds() {
    headline_is(&well(), "All holds", "すべて正常です");
    let mut down = well();
    down.checks[0].state = "down".to_owned();
    headline_is(&down, "(!) 1 thing does not hold", "(!) 1件の問題があります");
    let mut unknown = well();
    unknown.checks[0].state = "unknown".to_owned();
    headline_is(&unknown, "No result yet", "まだ結果がありません");
    let mut nothing = well();
    nothing.checks.clear();
    headline_is(&nothing, "Nothing is watched", "監視対象がありません");
    let mut unwell = well();
    unwell.healthy = false;
    headline_is(&unwell, "(!) Something needs attention", "(!) 確認が必要です");
}

#[test]
fn a_part_that_is_down_is_named_with_its_reason() {
    let mut data = well();
    let part = |name: &str, state: &str| PartRow {
        name: name.to_owned(),
        state: state.to_owned(),
        reason: (state != "up").then(|| "exited with 3".to_owned()),
        reason_code: None,
    };
    data.checks[0].parts = vec![part("a", "up"), part("b", "down")];
    data.checks[0].state = "down".to_owned();
    let page = overview(&view(Lang::En), &data);
    assert!(page.contains("</a> b is down: exited with 3"), "{page}");
}

#[test]
fn hostile_texts_are_read_and_not_obeyed() {
    for lang in [Lang::En, Lang::Ja] {
        let page = overview(&view(lang), &data(HOSTILE));
        assert!(!page.contains("<img") && !page.contains("<script>"), "{page}");
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\0']), "{page}");
        // The scripts of the page itself come from its own address; there is no other.
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn there_is_no_script_and_no_style_in_the_markup() {
    let page = overview(&view(Lang::En), &data("x"));
    for (at, _) in page.match_indices("<script") {
        assert!(page[at..].starts_with("<script defer src=\"/assets/"), "{}", &page[at..at + 80]);
    }
    for inline in [" style=", "<style", " onclick=", " onload=", " onerror=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn lines_of_a_megabyte_do_not_make_a_page_of_megabytes() {
    let page = overview(&view(Lang::En), &data(&"\u{202e}<".repeat(1 << 19)));
    assert!(page.len() < 1 << 20, "{}", page.len());
}

#[test]
fn what_a_page_links_to_begins_with_its_own_address() {
    let page = overview(&view(Lang::Ja), &data("a\" b/../../etc?x#y"));
    for (at, _) in page.match_indices("href=\"") {
        let address = page[at + 6..].split('"').next().unwrap_or_default();
        assert!(
            address.starts_with('/') && !address.starts_with("//") || address == "#main",
            "{address}"
        );
    }
}

#[test]
fn what_evenkeel_itself_says_is_in_the_language_of_the_page() {
    let mut data = well();
    data.frame.observes = Some("the settings say so".to_owned());
    data.frame.observes_code = Some(AgentCode::SettingsObserve.into());
    data.storm = Some("2 of 3 targets are down together".to_owned());
    data.storm_refusal =
        serde_json::json!({ "refusal": "storm", "down": 2, "of": 3, "since": now() });
    let missing = PermissionsCode::RootMissing { path: "/srv/a".to_owned() };
    data.rules = vec![RuleRow {
        name: "state".to_owned(),
        kind: "permissions".to_owned(),
        path: "/srv".to_owned(),
        last_run: None,
        ok: Some(false),
        detail: "`/srv/a` does not exist".to_owned(),
        detail_code: Some(missing.into()),
        repairs: 0,
        watched: Some("fanotify".to_owned()),
        watched_code: Some(
            PermissionsCode::Watched { by: WatchedBy::Fanotify, swept: None }.into(),
        ),
    }];
    let recovery = |target: &str, reason: &str, refusal| RecoveryRow {
        target: target.to_owned(),
        phase: "exhausted".to_owned(),
        attempt: 0,
        step: None,
        budget_remaining: 0,
        reason: Some(reason.to_owned()),
        reason_code: None,
        refusal,
    };
    data.recoveries = vec![
        recovery("web", "no step fits", serde_json::json!({ "refusal": "no_step" })),
        RecoveryRow {
            reason_code: Some(NetworkCode::Status { status: 500, hint: None }.into()),
            ..recovery("db", "status 500", Value::Null)
        },
        recovery("queue", "written by others", Value::Null),
    ];
    let (en, ja) = (overview(&view(Lang::En), &data), overview(&view(Lang::Ja), &data));
    for (english, japanese) in [
        ("(the settings say so)", "(設定による)"),
        ("2 of 3 targets are down together", "対象3件中2件が同時に停止: ホストの異常を疑う"),
        ("`/srv/a` does not exist", "/srv/a が存在しない(create = true で作成される)"),
        ("no step fits", "この対象に合う段階がない"),
        ("watched by fanotify", "fanotify で監視"),
        ("status 500", "ステータス 500"),
    ] {
        assert!(en.contains(english) && !en.contains(japanese), "{english}: {en}");
        assert!(ja.contains(japanese) && !ja.contains(english), "{japanese}: {ja}");
    }
    // The rule and the recovery each have their reason in the list of what does not hold and in their row.
    assert_eq!(ja.matches("この対象に合う段階がない").count(), 2, "{ja}");
    assert_eq!(ja.matches("/srv/a が存在しない").count(), 2, "{ja}");
    assert!(en.contains("written by others") && ja.contains("written by others"), "{ja}");
}

#[test]
fn the_page_of_an_incident_tells_the_detail_of_an_action_in_its_language() {
    let code = ActionCode::Done(Aim::RestartUnit { unit: "web<b>.service".to_owned() });
    let row = |name: &str, detail: &str, detail_code| ActionRow {
        at: now(),
        action: name.to_owned(),
        step: 0,
        attempt: 0,
        outcome: Some("ended".to_owned()),
        detail: Some(detail.to_owned()),
        detail_code,
    };
    let data = IncidentPage {
        frame: well().frame,
        incident: IncidentRow {
            id: 1,
            target: "web".to_owned(),
            cause: "web".to_owned(),
            opened: now(),
            closed: None,
            outcome: None,
            actions: None,
        },
        answer: String::new(),
        evidence: Vec::new(),
        settings: Vec::new(),
        actions: vec![
            row("systemd.restart", "restarted unit `web<b>.service`", Some(code.into())),
            row("exec", "as an older version wrote it", None),
        ],
        budgets: Vec::new(),
        events: Vec::new(),
    };
    let (en, ja) = (incident(&view(Lang::En), &data), incident(&view(Lang::Ja), &data));
    assert!(en.contains("restarted unit `web&lt;b&gt;.service`"), "{en}");
    assert!(ja.contains("ユニット web&lt;b&gt;.service を再起動した"), "{ja}");
    assert!(!ja.contains("restarted unit") && !ja.contains("web<b>"), "{ja}");
    assert!(ja.contains("as an older version wrote it"), "{ja}");
}
