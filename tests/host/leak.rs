//! A process whose memory grows, under a real supervisord: its end is foreseen, and it is restarted before that.

use evenkeel_tests::{Agent, LONG, Program, Scratch, Supervisord, installed, until};

/// Time is compressed: what takes hours elsewhere takes a minute here. At 3 MB a second the limit is 50 s away.
fn settings(supervisord: &Supervisord) -> String {
    format!(
        r#"
[check.workers]
supervisor = {{ url = "unix://{}", programs = ["*"] }}
timeout = "500ms"
retries = 0
interval = "500ms"
startup_grace = "0s"
failure_threshold = 2
success_threshold = 1
conditions = [{{ field = "rss_bytes", reaches = "150MB", within = "40s" }}]

[recovery.workers]
when = ["workers"]
steps = [{{ action = "supervisor.restart-program" }}]
max_retries = 3
backoff = {{ initial = "500ms", multiplier = 2, max = "1s", jitter = 0.0 }}
budget = {{ per_target = "20/1h", per_host = "40/1h" }}
verify_timeout = "30s"
stable_for = "1s"
"#,
        supervisord.socket().display()
    )
}

#[test]
fn a_leak_is_foreseen_and_the_program_restarted_before_its_limit() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let leaking = format!("exec '{}' 3000000", env!("CARGO_BIN_EXE_leaks"));
    let programs = [Program::new("leaking", &leaking), Program::idle("steady")];
    let supervisord = Supervisord::start(&scratch, &programs);
    let (leaking, steady) =
        (supervisord.await_running("leaking"), supervisord.await_running("steady"));
    let agent = Agent::start(&scratch, &settings(&supervisord));

    let eta = || {
        agent
            .metrics()
            .count("evenkeel_process_memory_limit_eta_seconds", &[("process", "workers")])
    };
    until("the time to the limit is told", LONG, || eta() > 0);
    until("a restart is proved to have helped", LONG, || {
        agent.actions("workers/leaking", "recovered") >= 1
    });

    assert_ne!(supervisord.await_running("leaking"), leaking);
    assert_eq!(supervisord.await_running("steady"), steady, "the other program was left alone");
    let events = agent.events();
    let opened = events.iter().filter(|event| event["kind"] == "incident_opened");
    let told: Vec<_> = opened.filter_map(|event| event["message"].as_str()).collect();
    // By its trend, and not because the limit was reached.
    assert!(!told.is_empty() && told.iter().all(|told| told.contains("rises by")), "{told:?}");
    assert!(told[0].contains("at 150 MB in"), "{told:?}");
    let failures = [("check", "workers"), ("reason", "limit")];
    assert_eq!(agent.count("evenkeel_check_failures_total", &failures), 0);
}
