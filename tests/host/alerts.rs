//! Alerts without Prometheus: from the agent's own rules to a real Alertmanager and to endpoints that fail.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use evenkeel_tests::{
    Agent, Alertmanager, Daemon, Delivered, Hook, LONG, Manner, Prometheus, Scratch, find_bin,
    free_port, installed, run, until, until_some,
};
use nix::sys::signal::Signal;
use serde_json::Value;

/// The alert of the check `hog-memory`.
const ALERT: &str = "HogHighMemoryUsage";

/// A host with one check of memory, and a process for each side of its limit.
struct Stage {
    scratch: Scratch,
    pidfile: PathBuf,
    small: Daemon,
    large: Daemon,
}

impl Stage {
    fn new() -> Self {
        let scratch = Scratch::new();
        let pidfile = scratch.join("pid");
        let small = Daemon::start("a small process", "sleep", ["100000"], &scratch.join("small"));
        let hog = "held = b'x' * 50_000_000\nimport time\ntime.sleep(100000)";
        let large =
            Daemon::start("a large process", "python3", ["-c", hog], &scratch.join("large"));
        let stage = Self { scratch, pidfile, small, large };
        until("the large process is large", LONG, || stage.resident_kilobytes() > 50_000);
        stage.shrink();
        stage
    }

    fn resident_kilobytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.large.pid()));
        let line = status.ok().and_then(|status| {
            status.lines().find_map(|line| line.strip_prefix("VmRSS:").map(str::to_owned))
        });
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// The watched process has more memory than it may.
    fn grow(&self) {
        fs::write(&self.pidfile, self.large.pid().to_string()).unwrap();
    }

    /// It has less again.
    fn shrink(&self) {
        fs::write(&self.pidfile, self.small.pid().to_string()).unwrap();
    }

    fn settings(&self, receivers: &str) -> String {
        format!(
            "[check.hog-memory]\nprocess = {{ pidfile = \"{}\" }}\n\
             conditions = [{{ field = \"rss_bytes\", above = \"30MB\", for = \"2s\" }}]\n\
             timeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
             [alerts]\ninterval = \"1s\"\ninstance = \"host-1\"\n{receivers}",
            self.pidfile.display()
        )
    }
}

/// What an endpoint was told of the alert: firing or resolved, and how that was answered.
fn told(hook: &Hook) -> Vec<(String, Manner)> {
    let of = |delivered: Delivered| {
        let alerts = delivered.body["alerts"].as_array().cloned().unwrap_or_default();
        let status =
            alerts.iter().find(|alert| alert["labels"]["alertname"] == ALERT)?["status"].clone();
        Some((status.as_str()?.to_owned(), delivered.manner))
    };
    hook.delivered().into_iter().filter_map(of).collect()
}

/// What it took, in order.
fn taken(hook: &Hook) -> Vec<String> {
    let taken = told(hook).into_iter().filter(|(_, manner)| *manner == Manner::Status(200));
    taken.map(|(status, _)| status).collect()
}

fn states(agent: &Agent) -> Vec<String> {
    let alerts: Value = serde_json::from_str(&agent.get("/api/alerts").body).unwrap();
    let alerts = alerts.as_array().unwrap().iter().filter(|alert| alert["name"] == ALERT);
    alerts.map(|alert| alert["state"].as_str().unwrap().to_owned()).collect()
}

fn since(start: SystemTime, end: SystemTime) -> f64 {
    end.duration_since(start).unwrap_or_default().as_secs_f64()
}

#[test]
#[expect(clippy::print_stderr, reason = "the delay of each hop is what this test is for besides")]
fn an_alert_goes_through_a_real_alertmanager_to_its_webhook_and_so_does_its_end() {
    if !installed("prometheus-alertmanager") || !installed("python3") {
        return;
    }
    let stage = Stage::new();
    let hook = Hook::start();
    let alertmanager = Alertmanager::start(&stage.scratch, &hook.url("/hook"));
    let direct = Hook::start();
    let receivers = format!(
        "[alerts.receiver.am]\nalertmanager = {{ url = \"{}\" }}\nseverity = [\"warning\"]\n\
         [alerts.receiver.direct]\nwebhook = {{ url = \"{}\" }}\nseverity = \"warning\"\n",
        alertmanager.url(),
        direct.url("/"),
    );
    let agent = Agent::start(&stage.scratch, &stage.settings(&receivers));
    agent.await_check("hog-memory", "up", LONG);

    let acts =
        [(Stage::grow as fn(&Stage), "firing", "startsAt"), (Stage::shrink, "resolved", "endsAt")];
    for (act, status, moment) in acts {
        let begun = SystemTime::now();
        act(&stage);
        let delivered = until_some(&format!("the webhook hears {status}"), LONG, || {
            let mut delivered = hook.delivered().into_iter();
            delivered.find(|delivered| {
                let alert = &delivered.body["alerts"][0];
                alert["labels"]["alertname"] == ALERT && alert["status"] == status
            })
        });
        assert_eq!(states(&agent), [status], "the agent says what it told");
        let dated = delivered.body["alerts"][0][moment].as_str().expect("it is dated").to_owned();
        let decided = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds(&dated));
        eprintln!(
            "{status}: the agent decides {:.3} s after the cause (if it begins, 2 s of them are the rule's own); {:.3} s later the Alertmanager has told the webhook",
            since(begun, decided),
            since(decided, delivered.at),
        );
        if status == "firing" {
            let mut alerts = alertmanager.alerts();
            alerts.retain(|alert| alert["labels"]["alertname"] == ALERT);
            assert_eq!(alerts.len(), 1, "{alerts:?}");
            let label = |name: &str| alerts[0]["labels"][name].as_str().unwrap_or_default();
            assert_eq!(
                (label("alertname"), label("severity"), label("instance")),
                (ALERT, "warning", "host-1")
            );
            assert_eq!(alerts[0]["generatorURL"], format!("http://{}/", agent.address()));
            let told = until_some("the other webhook hears of it too", LONG, || {
                let mut delivered = direct.delivered().into_iter();
                delivered.find(|told| told.body["groupLabels"]["alertname"] == ALERT)
            });
            let fingerprint = &told.body["alerts"][0]["fingerprint"];
            assert_eq!(fingerprint, &alerts[0]["fingerprint"], "an alert is known by one number");
        }
    }
    assert_eq!(
        agent.count(
            "evenkeel_alert_notifications_total",
            &[("receiver", "am"), ("outcome", "failed")]
        ),
        0
    );
    assert_eq!(
        agent.metrics().sum("evenkeel_alerts_firing", &[("severity", "warning")]),
        Some(0.0)
    );
}

#[test]
fn a_webhook_that_is_away_then_hangs_then_fails_is_told_once_it_works_and_holds_up_nobody() {
    let stage = Stage::new();
    let away = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let prompt = Hook::start();
    let command = stage.scratch.join("told");
    let script = stage.scratch.script("tell", &format!("printf '%s %s ' \"$EVENKEEL_ALERT\" \"$EVENKEEL_STATUS\" >> {0}; cat >> {0}; echo >> {0}", command.display()));
    let receivers = format!(
        "[alerts.receiver.slow]\nwebhook = {{ url = \"http://{away}/hook\" }}\ntimeout = \"1s\"\n\
         [alerts.receiver.prompt]\nwebhook = {{ url = \"{}\", headers = {{ x-key = \"k\" }} }}\n\
         [alerts.receiver.command]\ncommand = {{ run = [\"{}\"] }}\nseverity = \"warning\"\n\
         [alerts.receiver.other]\ncommand = {{ run = [\"false\"] }}\nseverity = [\"critical\"]\n",
        prompt.url("/a?b=c"),
        script.display(),
    );
    let agent = Agent::start(&stage.scratch, &stage.settings(&receivers));
    agent.await_check("hog-memory", "up", LONG);
    stage.grow();
    let failed = || {
        agent.count(
            "evenkeel_alert_notifications_total",
            &[("receiver", "slow"), ("outcome", "failed")],
        )
    };
    until("nobody is there, and that is noticed", LONG, || failed() >= 1);
    until("the others were told meanwhile", LONG, || taken(&prompt) == ["firing"]);
    let delivered = &prompt.delivered()[0];
    assert_eq!(delivered.path, "/a?b=c");
    assert!(delivered.head.to_ascii_lowercase().contains("x-key: k\r\n"), "{}", delivered.head);
    let body = &delivered.body;
    assert_eq!(
        (&body["version"], &body["receiver"], &body["status"]),
        (&"4".into(), &"prompt".into(), &"firing".into())
    );
    assert_eq!(body["groupKey"], format!("{{}}:{{alertname=\"{ALERT}\"}}"));
    until("the command was told", LONG, || {
        fs::read_to_string(&command).is_ok_and(|text| text.contains(&format!("{ALERT} firing {{")))
    });

    let slow = Hook::start_at(away);
    slow.answer(Manner::Hang);
    until("it hangs", LONG, || told(&slow).iter().any(|(_, manner)| *manner == Manner::Hang));
    slow.answer(Manner::Status(500));
    until("it fails", LONG, || {
        told(&slow).iter().any(|(_, manner)| *manner == Manner::Status(500))
    });
    // The end comes while it still fails: it is neither lost nor told before its beginning could have been.
    stage.shrink();
    until("the others hear of the end", LONG, || taken(&prompt) == ["firing", "resolved"]);
    slow.answer(Manner::Status(200));
    until("it hears of the end", LONG, || taken(&slow) == ["resolved"]);
    assert!(agent.daemon.log().contains("cannot be told"), "{}", agent.daemon.log());
    let sent = |receiver| {
        agent.count(
            "evenkeel_alert_notifications_total",
            &[("receiver", receiver), ("outcome", "sent")],
        )
    };
    assert_eq!((sent("prompt"), sent("slow"), sent("other")), (2, 1, 0));
    until("the command heard of it too", LONG, || {
        fs::read_to_string(&command)
            .is_ok_and(|text| text.contains(&format!("{ALERT} resolved {{")))
    });
}

#[test]
fn an_agent_that_is_killed_while_an_alert_fires_tells_nobody_twice_and_forgets_no_end() {
    let stage = Stage::new();
    let hook = Hook::start();
    let receivers =
        format!("[alerts.receiver.hook]\nwebhook = {{ url = \"{}\" }}\n", hook.url("/"));
    let (config, port) = Agent::settings_with(&stage.scratch, "", &stage.settings(&receivers));
    let mut agent = Agent::spawn(&stage.scratch, &config, port, &[]);
    agent.await_answer();
    agent.await_check("hog-memory", "up", LONG);
    stage.grow();
    until("it is told", LONG, || taken(&hook) == ["firing"]);
    let started_at = hook.delivered()[0].body["alerts"][0]["startsAt"].clone();
    let journal = stage.scratch.join("state/journal.db");
    until("that is written down", LONG, || {
        let sql = "SELECT value LIKE '%told_at\":\"%' FROM state WHERE key = 'alerts'";
        !installed("sqlite3")
            || run("sqlite3", [journal.as_os_str(), sql.as_ref()], None).stdout.trim() == "1"
    });
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);

    let mut agent = Agent::spawn(&stage.scratch, &config, port, &[]);
    agent.await_answer();
    until("it still fires", LONG, || states(&agent) == ["firing"]);
    let evaluated = agent.check("hog-memory")["last_ms"].clone();
    assert!(evaluated.is_null() || evaluated.is_number());
    // Some evaluations of the new run, with the check run again.
    agent.await_check("hog-memory", "down", LONG);
    assert_eq!(taken(&hook), ["firing"]);
    stage.shrink();
    until("its end is told", LONG, || taken(&hook) == ["firing", "resolved"]);
    assert_eq!(
        hook.delivered()[1].body["alerts"][0]["startsAt"],
        started_at,
        "it is the same alert"
    );
}

#[test]
fn a_dead_man_is_told_that_the_agent_works_until_it_does_not() {
    let stage = Stage::new();
    let hook = Hook::start();
    let settings = format!(
        "[alerts.dead_man]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"1s\"\n",
        hook.url("/ping/secret-key")
    );
    let agent = Agent::start(&stage.scratch, &settings);
    until("it is pinged", LONG, || hook.delivered().len() >= 2);
    agent.daemon.signal(Signal::SIGSTOP);
    let quiet = hook.delivered().len();
    let heard = hook.delivered()[quiet - 1].at;
    until("a while has passed", LONG, || since(heard, SystemTime::now()) > 3.0);
    assert!(hook.delivered().len() <= quiet + 1, "a stopped agent pings nobody");
    agent.daemon.signal(Signal::SIGCONT);
    until("it is pinged again", LONG, || hook.delivered().len() > quiet + 1);
    assert!(!agent.daemon.log().contains("secret-key"), "{}", agent.daemon.log());
    assert_eq!(
        agent.metrics().sum("evenkeel_alerts_firing", &[]),
        None,
        "nothing is evaluated for nobody"
    );
}

/// When alerts began and ended, as whoever evaluates says to an Alertmanager.
fn moments(hook: &Hook) -> (Option<String>, Option<String>) {
    let mut begun = None;
    for delivered in hook.delivered() {
        for alert in delivered.body.as_array().into_iter().flatten() {
            if alert["labels"]["alertname"] != ALERT {
                continue;
            }
            let at = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
            begun.get_or_insert(at("startsAt"));
            // One that fires is said to end later than now.
            if at("endsAt") <= jiff_now(delivered.at) {
                return (begun, Some(at("endsAt")));
            }
        }
    }
    (begun, None)
}

fn jiff_now(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let date = run(
        "date",
        ["-u", "-d", &format!("@{}", seconds.as_secs_f64()), "+%Y-%m-%dT%H:%M:%S.%3NZ"],
        None,
    );
    date.stdout.trim().to_owned()
}

fn seconds(moment: &str) -> f64 {
    run("date", ["-d", moment, "+%s.%3N"], None).stdout.trim().parse().expect("a date")
}

#[test]
#[expect(clippy::print_stderr, reason = "by how much the two differ is what this test is for")]
fn a_real_prometheus_that_scrapes_the_same_agent_says_the_same() {
    if !installed("prometheus") || !installed("python3") {
        return;
    }
    let stage = Stage::new();
    let (ours, theirs) = (Hook::start(), Hook::start());
    let receivers =
        format!("[alerts.receiver.am]\nalertmanager = {{ url = \"{}\" }}\n", ours.url(""));
    let (config, port) = Agent::settings_with(&stage.scratch, "", &stage.settings(&receivers));
    let mut agent = Agent::spawn(&stage.scratch, &config, port, &[]);
    agent.await_answer();
    let generated = |verb: &str| {
        let args = [verb.as_ref(), "--config".as_ref(), config.as_os_str()];
        let finished = run(find_bin("evenkeel-metrics"), args, None);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    stage.scratch.file("rules.yml", &generated("rules"), 0o644);
    let head = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\nrule_files: [rules.yml]\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}] }}\n",
        theirs.address()
    );
    let config = stage.scratch.file(
        "prometheus.yml",
        &format!("{head}{}", generated("scrape-config")),
        0o644,
    );
    let prometheus = Prometheus::start(&stage.scratch, &config);
    agent.await_check("hog-memory", "up", LONG);
    until("both know the process", LONG, || {
        let memory = "process_resident_memory_bytes{job=\"hog\"}";
        let known = prometheus.query(memory).is_ok_and(|series| series.len() == 1);
        known && agent.metrics().sum("evenkeel_process_resident_memory_bytes", &[]).is_some()
    });

    stage.grow();
    until("both say that it fires", LONG, || {
        moments(&ours).0.is_some() && moments(&theirs).0.is_some()
    });
    stage.shrink();
    until("both say that it ended", LONG, || {
        moments(&ours).1.is_some() && moments(&theirs).1.is_some()
    });
    let (mine, prometheus_s) = (moments(&ours), moments(&theirs));
    for (what, ours, theirs) in
        [("begins", mine.0, prometheus_s.0), ("ends", mine.1, prometheus_s.1)]
    {
        let (ours, theirs) = (ours.expect("it was told"), theirs.expect("it was told"));
        let apart = (seconds(&ours) - seconds(&theirs)).abs();
        eprintln!("{what}: the agent says {ours}, Prometheus says {theirs}: {apart:.2} s apart");
        // An interval for the scrape, one for the evaluation, and a host that is busy with other tests.
        assert!(apart <= Duration::from_secs(3).as_secs_f64(), "{ours} {theirs}");
    }
    let labels = |hook: &Hook| {
        let alert = hook
            .delivered()
            .into_iter()
            .flat_map(|delivered| delivered.body.as_array().cloned().unwrap_or_default());
        let mut labels = alert
            .into_iter()
            .find(|alert| alert["labels"]["alertname"] == ALERT)
            .expect("it was told")["labels"]
            .clone();
        // The host's name for the one, an address for the other.
        labels["instance"] = Value::Null;
        labels
    };
    assert_eq!(labels(&ours), labels(&theirs));
}
