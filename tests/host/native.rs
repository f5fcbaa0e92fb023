//! Native histograms before a real Prometheus that asks for them.

use evenkeel_tests::{Agent, Endpoint, LONG, Prometheus, Scratch, get_accepting, installed, until};
use serde_json::Value;

use crate::dashboard::{a_check_that_is_down, dashboard, queries, substituted};

/// A check that is good, one that is down with an incident, and a process with a page of its own.
fn settings(scratch: &Scratch, endpoint: &Endpoint) -> String {
    format!(
        r#"
[check.web]
http = {{ url = "http://{}/web/" }}
timeout = "500ms"
retries = 0
interval = "1s"
[check.memory]
process = {{ pidfile = "{}" }}
timeout = "500ms"
retries = 0
interval = "1s"
{}"#,
        endpoint.address(),
        scratch.file("pid", &std::process::id().to_string(), 0o644).display(),
        a_check_that_is_down(),
    )
}

/// The one number that a query finds, if it finds one.
fn number(prometheus: &Prometheus, query: &str) -> Option<f64> {
    let found = prometheus.query(query).unwrap_or_else(|error| panic!("{error}: {query}"));
    assert!(found.len() <= 1, "{query}: {found:?}");
    found.first()?["value"][1].as_str()?.parse().ok()
}

#[test]
fn each_scraper_gets_the_format_that_it_wants_most_and_whoever_writes_nonsense_gets_text() {
    const PROTOBUF: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let scratch = Scratch::new();
    let endpoint = Endpoint::start();
    let agent = Agent::start(&scratch, &settings(&scratch, &endpoint));
    agent.await_check("memory", "up", LONG);
    let long = format!("{}{PROTOBUF}", "a/b;q=1,".repeat(2_000));
    for (accept, expected) in [
        (PROTOBUF, PROTOBUF),
        (
            &format!("{PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"),
            PROTOBUF,
        ),
        (
            &format!("{PROTOBUF};q=0.1,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"),
            OPEN,
        ),
        (&format!("{PROTOBUF};q=0.1,*/*"), TEXT),
        ("*/*", TEXT),
        ("application/vnd.google.protobuf", TEXT),
        (&format!("{PROTOBUF};q=9e99"), TEXT),
        (",;=\";q=;;,\u{fffd}é", TEXT),
        (&long, PROTOBUF),
    ] {
        for path in ["/metrics", "/metrics?process=memory"] {
            let answer = get_accepting(accept, agent.address(), path).expect("an answer");
            assert_eq!(answer.status, 200, "{accept}: {}", answer.head);
            let named = format!("content-type: {expected}\r\n");
            let head = format!("{}\r\n", answer.head.to_ascii_lowercase());
            assert!(head.contains(&named.to_ascii_lowercase()), "{accept}: {}", answer.head);
            assert_eq!(answer.body.contains("# TYPE "), expected != PROTOBUF, "{accept}: {path}");
            assert_eq!(answer.body.ends_with("# EOF\n"), expected == OPEN, "{accept}: {path}");
        }
    }
}

#[test]
fn a_real_prometheus_stores_native_histograms_with_exemplars_and_answers_from_them() {
    if !installed("prometheus") {
        return;
    }
    let scratch = Scratch::new();
    let endpoint = Endpoint::start();
    let agent = Agent::start(&scratch, &settings(&scratch, &endpoint));
    let target = format!("static_configs: [{{ targets: [\"{}\"] }}]", agent.address());
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
         scrape_configs:\n\
         - {{ job_name: evenkeel, {target} }}\n\
         - {{ job_name: memory, params: {{ process: [memory] }}, {target} }}\n"
    );
    let config = scratch.file("prometheus.yml", &config, 0o644);
    let flags = ["--enable-feature=native-histograms,exemplar-storage"];
    let prometheus = Prometheus::start_with(&scratch, &config, &flags);

    let attempts = "evenkeel_check_duration_seconds{check=\"web\"}";
    let counted = |query: &str| number(&prometheus, query).unwrap_or_default();
    until("a few attempts are stored", LONG, || {
        counted(&format!("histogram_count({attempts})")) >= 3.0
    });
    // A rate takes two scrapes with an attempt between them.
    for query in [
        format!("histogram_quantile(0.9, rate({attempts}[30s]))"),
        "histogram_quantile(0.99, sum(rate(evenkeel_check_duration_seconds[30s])))".to_owned(),
        format!("histogram_fraction(0, 5, rate({attempts}[30s]))"),
        format!("histogram_sum({attempts}) / histogram_count({attempts})"),
        "histogram_count(evenkeel_agent_journal_append_seconds)".to_owned(),
    ] {
        let sensible = 1e-9..60.0;
        until(&format!("{query} is a number"), LONG, || {
            number(&prometheus, &query)
                .is_some_and(|value| sensible.contains(&value) || value >= 1.0)
        });
    }
    // The dashboard finds them, too, but for the one that draws buckets.
    let dashboard = dashboard();
    let quantiles =
        queries(&dashboard).into_iter().filter(|(_, query)| query.contains("_quantile("));
    let found = quantiles.map(|(title, query)| {
        let query = substituted(&query);
        until(&format!("{title} finds something: {query}"), LONG, || {
            number(&prometheus, &query).is_some_and(f64::is_finite)
        });
    });
    assert_eq!(found.count(), 5);
    // Every attempt is in a bucket, and what is sent of one moment is of one moment.
    let held = format!("histogram_fraction(0, +Inf, {attempts})");
    assert_eq!(number(&prometheus, &held), Some(1.0));
    // Native ones are stored in the place of classic ones, as docs/metrics.md says.
    let classic = prometheus.query("evenkeel_check_duration_seconds_bucket").expect("a query");
    assert_eq!(classic, Vec::<Value>::new());

    // Other metrics come as they do in text.
    until("the check that is down is known to be", LONG, || {
        number(&prometheus, "evenkeel_check_up{check=\"down\"}") == Some(0.0)
    });
    until("a process has its own page", LONG, || {
        counted("process_resident_memory_bytes{job=\"memory\"}") > 1e5
    });
    assert_eq!(number(&prometheus, "sum(up)"), Some(2.0));

    for metric in ["evenkeel_check_duration_seconds", "evenkeel_recovery_actions_total"] {
        until(&format!("an incident is an exemplar of {metric}"), LONG, || {
            let found = prometheus.exemplars(metric, 0).expect("Prometheus keeps exemplars");
            found.iter().any(|one| {
                one["labels"]["incident"].as_str().is_some_and(|id| id.parse::<u64>().is_ok())
            })
        });
    }
}
