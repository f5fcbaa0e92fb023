//! What a first paint costs the agent: 200 targets with 30 days of history. `cargo xtask bench page` runs it, built as shipped.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use evenkeel_config::load_text;
use evenkeel_figures::{Bar, Figure, Limit, Report};
use evenkeel_journal::{Entry, Journal, Sample, Stretch};
use evenkeel_metrics::Metrics;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use tokio::sync::mpsc;
use tower_service::Service as _;

use crate::history::Recent;
use crate::page::{Archive, Desk, Gate, Hub, Question, router};

const TARGETS: i64 = 200;
const DAYS: i64 = 30;
/// What must hold: the server's share of a first paint, and what goes over the wire.
const MOST_MS: f64 = 200.0;
const MOST_KB: f64 = 200.0;

/// A history as 200 checks leave it: a short outage each five hours, and a latency each ten minutes.
fn fill(state_dir: &Path, now: Timestamp) {
    let begin = now - (DAYS * 24).hours();
    let (mut journal, _) = Journal::open(state_dir, begin).expect("a journal");
    for check in 0..TARGETS {
        let subject = format!("check-{check}");
        let filled = journal.together(evenkeel_journal::Durability::Soon, |journal| {
            let mut from = begin + check.minutes();
            while from < now {
                let ill = from + 290.minutes();
                let until = (ill + 3.minutes()).min(now);
                for (verdict, from, until) in
                    [("good", from, ill.min(now)), ("bad", ill.min(now), until)]
                {
                    let (subject, verdict) = (subject.clone(), verdict.to_owned());
                    journal.extend(&Stretch { subject, verdict, from, until, slices: 10 })?;
                }
                let data = json!({ "from": "up", "to": "down" });
                let message = "up -> down: no response within 5s";
                let incident = None;
                journal.append(
                    ill,
                    &Entry { kind: "check_changed", target: &subject, incident, message, data },
                )?;
                from = until.max(from + 1.minute());
            }
            Ok(())
        });
        filled.expect("a history");
        let mut samples = Vec::new();
        for minute in (0..DAYS * 24 * 60).step_by(10) {
            let value = 3.0 + f64::from(i32::try_from(minute % 97).unwrap_or(0)) / 10.0;
            samples.push(Sample {
                subject: &subject,
                field: "latency_ms",
                at: begin + minute.minutes(),
                value,
            });
        }
        for part in samples.chunks(2_000) {
            journal.observe(part).expect("samples");
        }
    }
    journal.roll_up(now).expect("rollups");
}

/// A status of so many checks, as the agent's loop would give it.
fn status(now: Timestamp) -> evenkeel_engine::Status {
    let checks: Vec<_> = (0..TARGETS)
        .map(|check| {
            json!({
                "name": format!("check-{check}"), "kind": "http", "target": format!("http://10.0.0.1:{check}/health"),
                "state": if check % 50 == 7 { "down" } else { "up" }, "since": now, "last_ms": 3.5,
                "reason": if check % 50 == 7 { Some("no response within 5s") } else { None },
                "interval_ms": 30_000, "parts": [],
            })
        })
        .collect();
    serde_json::from_value(json!({
        "version": "0.1.0", "mode": "enforce", "started_at": now, "now": now, "healthy": false,
        "checks": checks, "rules": [], "recoveries": [],
    }))
    .expect("a status")
}

#[tokio::test]
#[ignore = "takes minutes; cargo xtask bench page runs it"]
async fn a_first_paint_of_200_targets_and_30_days() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let now = Timestamp::now();
    let filled = Instant::now();
    fill(scratch.path(), now);
    println!("filled in {:.1} s", filled.elapsed().as_secs_f64());
    let text: String = (0..TARGETS).fold(String::new(), |text, check| {
        format!("{text}[check.check-{check}]\nhttp = {{ url = \"http://10.0.0.1:1/\" }}\n")
    });
    let settings = load_text("bench.toml", &text).expect("settings");
    let (questions, mut asked) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(question) = asked.recv().await {
            match question {
                Question::Status(reply) => drop(reply.send(status(now))),
                Question::Settings(reply) => drop(reply.send(settings.clone())),
                Question::Order(..) => {}
            }
        }
    });
    let desk = Desk {
        questions,
        metrics: Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH)),
        recent: Recent::default(),
        archive: Some(Archive::new(scratch.path().to_owned())),
        boot_id: "boot".into(),
        host: "bench".into(),
        hub: Hub::default(),
    };
    let address = "127.0.0.1:9720".parse().expect("an address");
    let mut pages = router(desk, Some(Gate::new(address, "bench", None)));
    let assets: usize = evenkeel_pages::assets().map(|asset| asset.gzip.len()).sum();
    let mut report = Report::new("page");
    for path in ["/", "/target/check-7?window=24h", "/target/check-7?window=30d"] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..15 {
            let request =
                Request::get(path).header("host", "localhost").header("accept-encoding", "gzip");
            let request = request.body(Body::empty()).expect("a request");
            let began = Instant::now();
            let answer = pages.call(request).await.expect("an answer");
            assert_eq!(answer.status(), 200, "{path}");
            let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
            times.push(began.elapsed());
            bytes = body.len();
        }
        times.sort_unstable();
        let [best, median, worst] =
            [times[0], times[times.len() / 2], times[times.len() - 1]].map(millis);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let [bytes, wire] = [bytes, bytes + assets].map(|bytes| bytes as f64);
        report.figures.push(
            Figure::new(path, "status page, 200 targets, 30 days")
                .with("best_ms", best)
                .with("p50_ms", median)
                .with("worst_ms", worst)
                .with("bytes", bytes)
                .with("bytes_with_assets", wire),
        );
        let what = |what: &str| format!("status page {path}: {what}");
        let time = Bar::new(what("median"), median, "ms", Limit::AtMost(MOST_MS), 1.0);
        let unoptimised = cfg!(debug_assertions).then(|| "a build for tests".to_owned());
        let size = Limit::AtMost(MOST_KB);
        report.bars.push(time.unless(unoptimised));
        report.bars.push(Bar::new(what("over the wire"), wire / 1e3, "kB", size, 1.0));
    }
    println!("{}\n{}\n{}", report.figures_table(), report.bars_table(), report.document());
    assert!(report.holds(), "a figure that must hold is missed");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
