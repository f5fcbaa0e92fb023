//! Every kind of line is told in Japanese too, from what history keeps of it.

use std::time::Duration;

use evenkeel_engine::{Causes, Fight, Next, Outcome, Party, Record, Refusal, Usage};
use evenkeel_health::State;
use evenkeel_journal::{Event, Incident, Intent, IntentRecord, Settled};
use evenkeel_moment::Moment;
use evenkeel_pages::{EventRow, Lang, Theme, View, told};
use evenkeel_recovery::actions::evidence::Evidence;
use evenkeel_recovery::breaker::{BreakerState, Change, Counts, Reason};
use evenkeel_shown::said::{
    ActionCode, AgentCode, Aim, Awaited, Code, Difference, DueCode, Named, NetworkCode,
    PermissionsCode, Said, SupervisordCode,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::explain::Explanation;
use crate::page::answer::answer;
use crate::page::rows;

const WHEN: Timestamp = Timestamp::constant(1_790_000_000, 0);
const HOUR: Duration = Duration::from_hours(1);

fn s(text: &str) -> String {
    text.to_owned()
}

fn japanese(kind: &str, message: &str, data: Value) -> String {
    let view = View { lang: Lang::Ja, theme: Theme::Auto, zone: TimeZone::UTC, now: WHEN };
    let (target, kind, message) = (s("web"), s(kind), s(message));
    told(&view, &EventRow { id: 1, at: WHEN, kind, target, incident: None, message, data })
}

fn told_of(record: &Record) -> String {
    let data = serde_json::to_value(record).unwrap();
    japanese(record.kind(), &record.message(), data)
}

fn refused(reason: Refusal) -> Record {
    Record::Refused {
        incident: 1,
        target: s("web"),
        cause: s("web"),
        action: s("exec"),
        reason,
        also: vec![Refusal::NoStep],
        budget: Usage { used: 3, count: 3, window: HOUR },
    }
}

fn party() -> Party {
    Party { pid: 7, exe: None, uid: None, unit: None, shown: s("cp (pid 7)") }
}

/// One of each kind at least, and of those that say more than one thing several.
#[expect(clippy::too_many_lines, reason = "a list")]
fn records() -> Vec<Record> {
    let (target, cause, action, check) = (|| s("web"), || s("web"), || s("exec"), || s("web"));
    let counts = Counts { results: 10, failures: 6, slow: 5 };
    let change = |reason| Change {
        at: Moment::ORIGIN,
        from: BreakerState::Closed,
        to: BreakerState::Open,
        reason,
    };
    let breaker =
        |reason, causes| Record::BreakerChanged { check: check(), change: change(reason), causes };
    let judged = |outcome, next| Record::Judged {
        incident: 1,
        target: target(),
        cause: cause(),
        action: action(),
        outcome,
        next,
    };
    let by = || Some(party());
    let cleaned = |run| Record::Cleaned {
        rule: s("logs"),
        action: s("trash"),
        entries: 3,
        bytes: 5_000_000,
        sample: vec![s("a.log")],
        sample_code: vec![Code::AsWritten(s("a.log"))],
        run,
    };
    vec![
        Record::CheckChanged {
            check: check(),
            part: None,
            from: State::Up,
            to: State::Suspect { failures: 1 },
            reason: Some(s("status 500")),
            reason_code: None,
        },
        breaker(Reason::Tripped(counts), Some(Causes::new(&"one".into(), &"two".into()))),
        breaker(Reason::TooSlow(counts), None),
        breaker(Reason::Due, None),
        Record::Repaired {
            rule: s("state"),
            path: s("worker.hash"),
            what: s("mode"),
            before: s("0600"),
            after: s("0644"),
            by: by(),
            wrong_for: Some(Duration::from_micros(80)),
        },
        Record::RepairedMore { rule: s("state"), what: s("owner"), entries: 40 },
        Record::Fought {
            rule: s("state"),
            fight: Fight {
                path: s("worker.hash"),
                what: s("mode"),
                ours: s("0644"),
                theirs: s("0600"),
                by: None,
                times: 5,
                pause: Duration::from_mins(1),
            },
        },
        Record::FoughtMore { rule: s("state"), entries: 40 },
        Record::RuleFailed {
            rule: s("state"),
            entries: 2,
            reason: s("immutable"),
            reason_code: None,
        },
        cleaned(Some(s("20260921"))),
        cleaned(None),
        Record::Purged { rule: s("logs"), entries: 3, bytes: 5_000_000 },
        Record::IncidentOpened {
            incident: 1,
            target: target(),
            cause: cause(),
            evidence: s("status 500"),
            evidence_code: None,
        },
        Record::Skipped {
            incident: 1,
            target: target(),
            cause: cause(),
            action: action(),
            step: 0,
            reason: s("no program of that name"),
            reason_code: None,
        },
        Record::Intended {
            incident: 1,
            target: target(),
            action: action(),
            step: 0,
            attempt: 1,
            budget_left: 2,
        },
        Record::Evidence { incident: 1, target: target(), evidence: Box::new(Evidence::default()) },
        Record::Acted {
            incident: 1,
            target: target(),
            action: action(),
            detail: s("exited with 0"),
            detail_code: None,
        },
        judged(Outcome::Recovered, Next::Verified),
        judged(Outcome::Relapsed, Next::DownAgain),
        judged(Outcome::Failed, Next::Retry { after: Duration::from_secs(10) }),
        judged(Outcome::Failed, Next::Step { step: 1 }),
        judged(Outcome::Failed, Next::FreshAttempt { after: HOUR }),
        judged(Outcome::Failed, Next::Nothing),
        Record::IncidentClosed { incident: 1, target: target(), lasted: HOUR },
        Record::Victim { target: target(), cause: cause(), of: vec![s("db"), s("net")] },
        Record::StormBegan {
            targets: vec![s("a"), s("b")],
            down: 2,
            of: 3,
            within: Duration::from_secs(10),
            of_timeouts: true,
        },
        Record::StormEnded { lasted: HOUR },
        Record::Starved { late: Duration::from_secs(12) },
        Record::FlappingStarted { check: check(), part: None, percent: 51.0 },
        Record::FlappingEnded { check: check(), part: None, percent: 19.0 },
        Record::RestartedByOthers { check: check(), part: None, charged: vec![s("web")] },
        Record::RestartedByOthers { check: check(), part: None, charged: Vec::new() },
        Record::Held { target: target(), until: Some(WHEN), reason: s("upgrade"), by: s("ann") },
        Record::Held { target: target(), until: None, reason: s("upgrade"), by: s("ann") },
        Record::Released { target: target(), by: s("ann"), lasted: HOUR },
        Record::HoldEnded { target: target(), reason: s("upgrade"), lasted: HOUR },
        Record::Reset { target: target(), by: s("ann") },
    ]
}

fn refusals() -> Vec<Refusal> {
    let budget = |needs| Refusal::Budget {
        scope: s("target"),
        rate: s("3/1h"),
        needs,
        left: 1,
        retry_after: HOUR,
    };
    let dependency = |down| Refusal::Dependency { check: s("db"), down, since: WHEN };
    let held = |until| Refusal::Held { target: s("*"), reason: s("upgrade"), by: s("ann"), until };
    vec![
        Refusal::Grace { until: Moment::ORIGIN },
        Refusal::ObserveOnly { why: s("history was lost"), why_code: None },
        held(Some(WHEN)),
        held(None),
        dependency(true),
        dependency(false),
        Refusal::Storm { down: 2, of: 3, since: WHEN },
        Refusal::Flapping { since: WHEN },
        Refusal::NotSure,
        Refusal::Recovering,
        Refusal::NoStep,
        Refusal::Busy { with: s("db") },
        Refusal::Looking { check: s("db") },
        Refusal::PartsFirst { part: s("web/one") },
        Refusal::Quiet { windows: s("02:00-03:00"), opens: WHEN, reaches: WHEN },
        Refusal::ProgramNotReady { program: s("one"), why: s("it starts"), why_code: None },
        budget(1),
        budget(2),
    ]
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|char| ('\u{3040}'..='\u{30ff}').contains(&char) || char > '\u{4e00}')
}

#[test]
fn every_line_is_told_in_japanese_and_names_what_it_is_about() {
    let all: Vec<_> = records().into_iter().chain(refusals().into_iter().map(refused)).collect();
    for kind in Record::KINDS {
        assert!(all.iter().any(|record| record.kind() == kind), "none of `{kind}`");
    }
    for record in &all {
        let (english, japanese) = (record.message(), told_of(record));
        assert!(is_japanese(&japanese), "{english}: {japanese}");
        // What is in it that is no word, such as names, paths, and what others said.
        for word in ["worker.hash", "status 500", "0644", "upgrade", "db", "3/1h", "02:00-03:00"] {
            assert_eq!(english.contains(word), japanese.contains(word), "{english}: {japanese}");
        }
    }
}

fn restart() -> Aim {
    Aim::RestartProgram { program: s("one") }
}

fn not_restarted() -> Code {
    let why = SupervisordCode::Refused { text: s("SPAWN_ERROR: one"), fault: 50 };
    ActionCode::Cannot { aim: restart(), why: Box::new(why.into()) }.into()
}

const NOT_RESTARTED: &str =
    "cannot restart program `one`: supervisord refused: SPAWN_ERROR: one (fault 50)";

fn acted(detail: &str, code: Option<Code>) -> Record {
    Record::Acted {
        incident: 1,
        target: s("web"),
        action: s("supervisor.restart-program"),
        detail: s(detail),
        detail_code: code.map(Box::new),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn what_evenkeel_itself_says_in_a_line_is_told_in_japanese_and_what_others_wrote_is_not() {
    let differs = PermissionsCode::Differs(vec![Difference {
        what: s("mode"),
        found: s("0600"),
        wanted: s("0644"),
    }]);
    let at = Code::At { path: s("/srv/a"), what: Box::new(differs.into()) };
    let failed = |entries, code: Option<Code>| Record::RuleFailed {
        rule: s("state"),
        entries,
        reason: s("/srv/a: mode is 0600, should be 0644"),
        reason_code: code.map(Box::new),
    };
    let skipped = Record::Skipped {
        incident: 1,
        target: s("web"),
        cause: s("web"),
        action: s("signal TERM"),
        step: 0,
        reason: s("no check has named a process"),
        reason_code: Some(Box::new(ActionCode::NotNamedYet(Named::Process).into())),
    };
    let observes = Refusal::ObserveOnly {
        why: s("the settings say so"),
        why_code: Some(Box::new(AgentCode::SettingsObserve.into())),
    };
    let status = || NetworkCode::Status { status: 503, hint: None };
    let late =
        || NetworkCode::NotWithin { awaited: Awaited::Response, within: Duration::from_secs(2) };
    let changed = Record::CheckChanged {
        check: s("web"),
        part: None,
        from: State::Up,
        to: State::Down,
        reason: Some(s("status 503")),
        reason_code: Some(Box::new(status().into())),
    };
    let both = Said::joined(vec![status().into(), late().into()]);
    let (evidence, evidence_code) = both.into_parts();
    let opened = Record::IncidentOpened {
        incident: 1,
        target: s("web"),
        cause: s("web"),
        evidence,
        evidence_code,
    };
    let tripped = Record::BreakerChanged {
        check: s("web"),
        change: Change {
            at: Moment::ORIGIN,
            from: BreakerState::Closed,
            to: BreakerState::Open,
            reason: Reason::Tripped(Counts { results: 10, failures: 6, slow: 0 }),
        },
        causes: Some(Causes::new(&status().into(), &late().into())),
    };
    let starting = AgentCode::Starting { runs_seconds: 5, grace_seconds: 30 };
    let not_ready = Refusal::ProgramNotReady {
        program: s("one"),
        why: s("it runs for 5 s, and may take 30 s to start"),
        why_code: Some(Box::new(starting.into())),
    };
    for (record, english, japanese) in [
        (
            acted(NOT_RESTARTED, Some(not_restarted())),
            "supervisor.restart-program ended: cannot restart program `one`: supervisord refused: SPAWN_ERROR: one (fault 50)",
            "supervisor.restart-program が終了: プログラム one を再起動できない: supervisord が拒否した: SPAWN_ERROR: one(fault 50)",
        ),
        (
            acted(NOT_RESTARTED, None),
            "supervisor.restart-program ended: cannot restart program `one`: supervisord refused: SPAWN_ERROR: one (fault 50)",
            "supervisor.restart-program が終了: cannot restart program `one`: supervisord refused: SPAWN_ERROR: one (fault 50)",
        ),
        (
            failed(2, Some(at.clone())),
            "2 left as they are: /srv/a: mode is 0600, should be 0644",
            "2件がそのまま残った: /srv/a: モードが 0600(あるべき値: 0644)",
        ),
        (
            failed(0, Some(at)),
            "/srv/a: mode is 0600, should be 0644",
            "/srv/a: モードが 0600(あるべき値: 0644)",
        ),
        (changed, "up -> down: status 503", "正常 → 停止: ステータス 503"),
        (
            opened,
            "down by web: status 503; no response within 2s",
            "チェック web が停止を検知: ステータス 503。2 秒以内に応答がなかった",
        ),
        (
            tripped,
            "breaker closed -> open: 6 of 10 attempts failed; first: status 503; last: no response within 2s",
            "ブレーカー: 閉 → 開: 試行10回中6回が失敗。最初: ステータス 503、最後: 2 秒以内に応答がなかった",
        ),
        (
            skipped,
            "signal TERM: step 1 is skipped: no check has named a process",
            "signal TERM: 段階1を飛ばす: 対象のプロセスを示したチェックがまだない",
        ),
        (
            refused(observes),
            "exec not done: observe only: the settings say so; no step of the recovery fits this target; 3 of 3 actions used in the last 1h",
            "exec は見送り: 観察のみ: 設定による / この対象に合う段階がない。直近1時間の対処: 上限3回のうち3回を使用",
        ),
        (
            refused(not_ready),
            "exec not done: `one` is left alone: it runs for 5 s, and may take 30 s to start; no step of the recovery fits this target; 3 of 3 actions used in the last 1h",
            "exec は見送り: one は操作しない: 稼働時間は5秒で、起動に最大30秒かかる / この対象に合う段階がない。直近1時間の対処: 上限3回のうち3回を使用",
        ),
    ] {
        assert_eq!(record.message(), english);
        assert_eq!(told_of(&record), japanese);
    }
}

#[test]
fn a_code_that_is_not_known_leaves_the_text_as_it_was_written() {
    let mut data = serde_json::to_value(acted("done", Some(not_restarted()))).unwrap();
    data["detail_code"] = json!({ "of_a_later_version": { "x": 1 } });
    assert_eq!(japanese("acted", "x ended: done", data), "supervisor.restart-program が終了: done");
}

#[test]
fn the_detail_of_an_action_is_told_by_the_line_that_has_the_same_text() {
    let intent = |detail: &str| IntentRecord {
        id: 1,
        intent: Intent {
            incident: 1,
            target: s("web"),
            step: 0,
            attempt: 0,
            action: s("supervisor.restart-program one"),
            boot_id: s(""),
            boottime: Moment::ORIGIN,
            wall: WHEN,
        },
        settled: Some(Settled { at: WHEN, outcome: s("ended"), detail: s(detail) }),
    };
    let events = [event(&acted(NOT_RESTARTED, Some(not_restarted())))];
    let row = rows::action(&intent(NOT_RESTARTED), &events);
    assert_eq!(
        (row.detail.as_deref(), row.detail_code),
        (Some(NOT_RESTARTED), Some(not_restarted()))
    );
    let other = rows::action(&intent("another text"), &events);
    assert_eq!((other.detail.as_deref(), other.detail_code), (Some("another text"), None));
    let cut_off = rows::action(&intent("the agent ended before the action did"), &[]);
    assert_eq!(cut_off.detail_code, Some(AgentCode::EndedBeforeAction.into()));
}

#[test]
fn evidence_is_told_from_its_data_and_as_it_was_written_without() {
    let view = |lang| View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now: WHEN };
    let code = Code::from(NetworkCode::Status { status: 503, hint: None });
    let known = json!({
        "kind": "incident_opened", "cause": "web", "evidence": "status 503", "evidence_code": code,
    });
    let earlier = json!({ "kind": "incident_opened", "cause": "web", "evidence": "status 503" });
    for (lang, evidence, told) in [
        (Lang::En, &known, "status 503"),
        (Lang::Ja, &known, "ステータス 503"),
        (Lang::Ja, &earlier, "status 503"),
    ] {
        assert_eq!(rows::evidence(&view(lang), evidence), [(s("evidence"), s(told))]);
    }
}

#[test]
fn lines_of_the_agent_itself_are_told_too() {
    for kind in ["agent_started", "observe_only_ended"] {
        assert!(is_japanese(&japanese(kind, "started", Value::Null)), "{kind}");
    }
    let withheld =
        japanese("observe_only", "history was lost", json!({ "why": "history was lost" }));
    assert_eq!(withheld, "history was lost");
    let data = json!({
        "why": "the agent started 6 times",
        "why_code": Code::from(AgentCode::CrashLoop { starts: 6 }),
        "until": { "boot_id": "", "boottime": 0, "wall": WHEN },
    });
    assert_eq!(
        japanese("observe_only", "the agent started 6 times", data),
        "エージェントが10分間に6回起動した。終了を繰り返しているため、ログの確認が必要(2026-09-21 14:13:20 UTCまで)"
    );
}

#[test]
fn a_line_whose_data_is_not_as_expected_stays_as_it_was_written() {
    for data in [Value::Null, json!([]), json!({ "action": 5 }), json!({ "next": { "then": "?" } })]
    {
        for record in records() {
            let kind = record.kind();
            assert_eq!(japanese(kind, "as it was", data.clone()), "as it was", "{kind}");
        }
    }
}

#[test]
fn a_refusal_reads_as_it_should() {
    let budget = Refusal::Budget {
        scope: s("target"),
        rate: s("3/1h"),
        needs: 1,
        left: 0,
        retry_after: Duration::from_mins(12),
    };
    assert_eq!(
        told_of(&refused(budget)),
        "exec は見送り: 対象の予算 3/1h を使い切った(空きが出るまで12分) / この対象に合う段階がない。直近1時間の対処: 上限3回のうち3回を使用"
    );
}

fn explanation(incident: Option<Incident>, events: Vec<Event>) -> Explanation {
    Explanation {
        subject: s("web"),
        kind: s(if incident.is_some() { "recovery" } else { "permissions" }),
        answer: s("down by web"),
        rules: Vec::new(),
        holds: Vec::new(),
        budgets: Vec::new(),
        standing: None,
        incident,
        intents: Vec::new(),
        events,
        of_run: false,
    }
}

fn event(record: &Record) -> Event {
    Event {
        id: 1,
        at: WHEN,
        kind: s(record.kind()),
        target: record.target(),
        incident: record.incident().map(|id| i64::try_from(id).unwrap()),
        message: record.message(),
        data: serde_json::to_value(record).unwrap(),
    }
}

#[test]
fn the_short_answer_is_told_in_the_language_of_the_page() {
    let view = |lang| View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now: WHEN + HOUR };
    let incident = |closed| Incident {
        id: 1,
        target: s("web"),
        cause: s("web"),
        evidence: Value::Null,
        opened: WHEN - HOUR,
        closed,
        outcome: None,
    };
    let judged = Record::Judged {
        incident: 1,
        target: s("web"),
        cause: s("web"),
        action: s("exec"),
        outcome: Outcome::Recovered,
        next: Next::Verified,
    };
    let over = explanation(Some(incident(Some(WHEN))), vec![event(&judged)]);
    assert_eq!(answer(&view(Lang::En), &over), "down by web");
    assert_eq!(
        answer(&view(Lang::Ja), &over),
        "チェック web が検知。停止時間: 1時間、2026-09-21 14:13:20 UTCに復旧。対処なし。exec: 回復。同じチェックで確認済み"
    );
    let refusal = event(&refused(Refusal::NotSure));
    let open = answer(&view(Lang::Ja), &explanation(Some(incident(None)), vec![refusal]));
    assert!(
        open.starts_with(
            "チェック web が検知。停止してから2時間。これまでに対処なし。exec は見送り: "
        ),
        "{open}"
    );
    assert_eq!(answer(&view(Lang::Ja), &explanation(None, Vec::new())), "履歴には何もない");
    let run = Record::Cleaned {
        rule: s("logs"),
        action: s("trash"),
        entries: 3,
        bytes: 5_000_000,
        sample: vec![s("a.log: more than 2 there, 9 in all"), s("b.log")],
        sample_code: vec![
            Code::At {
                path: s("a.log"),
                what: Box::new(DueCode::Many { limit: 2, count: 9, age: None }.into()),
            },
            Code::AsWritten(s("b.log")),
        ],
        run: Some(s("7")),
    };
    let of_run = Explanation { of_run: true, ..explanation(None, vec![event(&run)]) };
    let run = answer(&view(Lang::Ja), &of_run);
    let taken = "a.log: max_count = 2: 9件ある。日時が現在より後 / b.log / ほか1件";
    assert!(run.contains(taken) && run.contains("undo 7"), "{run}");
    let rule = Record::RepairedMore { rule: s("state"), what: s("owner"), entries: 40 };
    let rule = answer(&view(Lang::Ja), &explanation(None, vec![event(&rule)]));
    assert_eq!(rule, "修復1回、最後は2026-09-21 14:13:20 UTC: ほかに40件を修復: 所有者");
}

#[test]
fn every_kind_of_line_has_a_name_in_japanese() {
    let own = crate::history::KINDS;
    for kind in Record::KINDS.into_iter().chain(own) {
        assert!(is_japanese(&evenkeel_pages::kind_of_line(Lang::Ja, kind)), "{kind}");
    }
    assert_eq!(evenkeel_pages::kind_of_line(Lang::En, "check_changed"), "check changed");
}
