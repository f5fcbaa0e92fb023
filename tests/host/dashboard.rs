//! The Grafana dashboard that ships: its shape, and each of its queries before a real Prometheus that scrapes a real agent.

use std::collections::BTreeSet;
use std::path::Path;

use evenkeel_tests::{
    Agent, HangingEndpoint, LONG, Prometheus, Scratch, free_port, installed, until,
};
use serde_json::Value;

/// What Grafana puts in the place of its variables; the times are those of a scrape each second.
const VARIABLES: [(&str, &str); 6] = [
    ("$instance", ".*"),
    ("$check", ".*"),
    ("$slo", ".*"),
    ("$__rate_interval", "30s"),
    ("$__interval", "5s"),
    ("${datasource}", "prometheus"),
];

pub(crate) fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana/evenkeel.json");
    let text = std::fs::read_to_string(path).expect("it ships");
    serde_json::from_str(&text).expect("it is JSON")
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().collect()
}

/// Every query with the title of who asks it: panels, variables, annotations.
pub(crate) fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap_or_default().to_owned();
            queries.push((title, target["expr"].as_str().expect("a query").to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if variable["type"] == "query" {
            let query = variable["query"]["query"].as_str().expect("a query");
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (selector, _label) = inner
                .and_then(|inner| inner.rsplit_once(", "))
                .expect("label_values(SELECTOR, LABEL)");
            queries.push((format!("variable {}", variable["name"]), selector.to_owned()));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().expect("annotations") {
        if let Some(query) = annotation["expr"].as_str() {
            queries.push((format!("annotation {}", annotation["name"]), query.to_owned()));
        }
    }
    queries
}

pub(crate) fn substituted(query: &str) -> String {
    let query =
        VARIABLES.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value));
    assert!(!query.contains('$'), "a variable that nobody fills: {query}");
    query
}

/// The names of metrics in a query.
fn metrics_in(query: &str) -> BTreeSet<String> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let words = query.split(|char| !is_name(char));
    words
        .filter(|word| word.starts_with("evenkeel_") || *word == "file_permission_errors")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_has_the_shape_that_grafana_takes() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36));
    assert!(dashboard["title"].is_string() && dashboard["uid"].is_string());
    assert!(dashboard["id"].is_null(), "an id is the importing Grafana's to give");

    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "`{title}`: its id is another's");
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a place on the grid");
        let (x, y, w, h) = (side("x"), side("y"), side("w"), side("h"));
        assert!(w > 0 && h > 0 && x + w <= 24, "`{title}` does not fit the grid");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "`{title}` lies over another panel at {place:?}");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].is_string(), "`{title}` has no description");
        let mut refs = BTreeSet::new();
        for target in panel["targets"].as_array().expect("targets") {
            assert!(refs.insert(target["refId"].to_string()), "`{title}`: a query twice");
            for source in [&panel["datasource"], &target["datasource"]] {
                assert_eq!(source["uid"], "${datasource}", "`{title}`");
            }
        }
    }
    // Nothing lies alone: rows of the grid are filled without holes from the top.
    let bottom = taken.iter().map(|(_, y)| *y).max().unwrap_or_default();
    assert!((0..=bottom).all(|y| taken.contains(&(0, y))), "a hole at the left edge");

    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "instance", "check", "slo"]);
}

#[test]
fn every_metric_on_the_dashboard_is_one_that_is_documented_and_the_important_ones_are_on_it() {
    let documented = include_str!("../../docs/metrics.md");
    let shown: BTreeSet<_> =
        queries(&dashboard()).iter().flat_map(|(_, query)| metrics_in(query)).collect();
    for name in &shown {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        assert!(documented.contains(&format!("`{}`", family.unwrap_or(name))), "{name}");
    }
    for wanted in [
        "evenkeel_check_state",
        "evenkeel_check_duration_seconds_bucket",
        "evenkeel_process_memory_limit_eta_seconds",
        "evenkeel_recovery_actions_total",
        "evenkeel_error_budget_remaining_ratio",
        "evenkeel_slo_burn_rate_ratio",
        "evenkeel_collector_success",
        "file_permission_errors",
    ] {
        assert!(shown.contains(wanted), "{wanted}");
    }
}

/// The examples of `docs/metrics.md`: the last cell of each row about a metric.
fn documented_queries() -> Vec<String> {
    let rows = include_str!("../../docs/metrics.md").lines().filter(|line| line.starts_with("| `"));
    let queries: Vec<_> = rows
        .filter_map(|row| row.strip_suffix("` |")?.rsplit_once(" | `"))
        .map(|(_, query)| query.replace("\\|", "|"))
        .collect();
    assert!(queries.len() >= 45, "{queries:?}");
    queries
}

/// A check that is down, with a recovery that does not help it.
pub(crate) fn a_check_that_is_down() -> String {
    format!(
        r#"
[check.down]
tcp = {{ address = "127.0.0.1:{}" }}
timeout = "500ms"
retries = 0
interval = "1s"
[recovery.down]
when = ["down"]
steps = [{{ action = "exec", command = ["/bin/true"] }}]
max_retries = 0
verify_timeout = "2s"
budget = {{ per_target = "2/1h", per_host = "5/1h" }}
"#,
        free_port()
    )
}

/// Something of everything: a check that is good, one that fails and is recovered in vain, memory with a limit, files that deviate, an objective.
fn settings(scratch: &Scratch, hanging: &HangingEndpoint) -> String {
    let folder = scratch.path().display();
    format!(
        r#"
[permissions.shared]
path = "{folder}/shared"
files = [{{ match = "*.hash", mode = "0644" }}]
[cleanup.old]
path = "{folder}/old"
match = ["*.log"]
older_than = "7d"
action = "delete"
interval = "2s"
[check.web]
http = {{ url = "{}" }}
timeout = "200ms"
retries = 0
interval = "1s"
breaker = {{ error_threshold = 50, request_volume_threshold = 3, reset_timeout = "2s" }}
[check.memory]
process = {{ pidfile = "{folder}/pid" }}
conditions = [{{ field = "rss_bytes", above = "8GB", for = "5m" }}]
timeout = "500ms"
retries = 0
interval = "1s"
{}[slo.web]
checks = ["memory"]
objective = 0.999
window = "30d"
"#,
        hanging.url(),
        a_check_that_is_down(),
    )
}

#[test]
fn every_query_of_the_dashboard_runs_on_a_real_prometheus_and_finds_what_the_agent_shows() {
    if !installed("prometheus") {
        return;
    }
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    scratch.file("old/a.log", "x", 0o644);
    scratch.age("old/a.log", 9);
    scratch.file("pid", &std::process::id().to_string(), 0o644);
    let hanging = HangingEndpoint::start();
    let agent = Agent::start(&scratch, &settings(&scratch, &hanging));
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
         scrape_configs: [{{ job_name: evenkeel, static_configs: [{{ targets: [\"{}\"] }}] }}]\n",
        agent.address()
    );
    let config = scratch.file("prometheus.yml", &config, 0o644);
    let flags = ["--enable-feature=exemplar-storage"];
    let prometheus = Prometheus::start_with(&scratch, &config, &flags);

    // The last of what happens: something was tried in vain, and scraped.
    let decisions = "sum(evenkeel_recovery_actions_total) > 0";
    until("Prometheus knows of a recovery", LONG, || {
        prometheus.query(decisions).is_ok_and(|found| !found.is_empty())
    });

    let page = agent.get("/metrics").body;
    let is_shown = |name: &String| {
        let shown = |rest: &str| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{");
        page.lines().any(|line| line.strip_prefix(name.as_str()).is_some_and(shown))
    };
    let (mut filled, mut absent) = (0, BTreeSet::new());
    for (title, query) in queries(&dashboard()) {
        let query = substituted(&query);
        if let Err(error) = prometheus.query(&query) {
            panic!("{title}: {error}: {query}");
        }
        if title.starts_with("annotation") {
            continue;
        }
        let missing: Vec<_> =
            metrics_in(&query).into_iter().filter(|name| !is_shown(name)).collect();
        if missing.is_empty() {
            // A rate takes two scrapes.
            until(&format!("{title} finds something: {query}"), LONG, || {
                prometheus.query(&query).is_ok_and(|found| !found.is_empty())
            });
            filled += 1;
        } else {
            absent.extend(missing);
        }
    }
    // What only some hosts and settings have.
    let may_be_absent = [
        "evenkeel_process_cgroup_memory_bytes",
        "evenkeel_process_memory_limit_eta_seconds",
        "evenkeel_alert",
        "evenkeel_slo_",
        "evenkeel_availability_ratio",
        "evenkeel_coverage_ratio",
        "evenkeel_error_budget_remaining_ratio",
        "evenkeel_agent_journal_",
    ];
    for name in &absent {
        assert!(may_be_absent.iter().any(|start| name.starts_with(start)), "{name} is not shown");
    }
    assert!(filled >= 30, "only {filled} queries found something");

    for query in documented_queries() {
        if let Err(error) = prometheus.query(&query) {
            panic!("docs/metrics.md: {error}: {query}");
        }
    }

    let exemplars = "evenkeel_recovery_actions_total";
    until("the incident is an exemplar", LONG, || {
        let found = prometheus.exemplars(exemplars, 0).expect("Prometheus keeps exemplars");
        found.iter().any(|one| {
            one["labels"]["incident"].as_str().is_some_and(|id| id.parse::<u64>().is_ok())
        })
    });
}
