use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_config::{
    Access, AgentSettings, LogFormat, LogSettings, Mode, PRESETS, Settings, Sources, Storm, load,
    load_text, preset, show,
};
use evenkeel_probe::{Condition, ProcessSelector, ProcessTarget, Target, Test};
use evenkeel_recovery::actions::Action;
use evenkeel_recovery::breaker::Window;

fn with_preset(name: &str) -> Sources {
    Sources { preset: Some(name.to_owned()), ..Sources::default() }
}

fn loaded(name: &str) -> Settings {
    load(&with_preset(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_preset_is_valid_and_shows_as_settings_that_mean_the_same() {
    for (name, _) in PRESETS {
        let settings = loaded(name);
        for origin in [false, true] {
            let shown = show(&with_preset(name)).unwrap().to_toml(origin);
            let again =
                load_text("shown.toml", &shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            assert_eq!(again, settings, "{shown}");
        }
    }
}

#[test]
fn the_plan_means_what_it_says() {
    let settings = loaded("tmux-supervisor");
    let seconds = Duration::from_secs;
    let expected = AgentSettings {
        mode: Mode::Enforce,
        state_dir: PathBuf::from("/var/lib/evenkeel"),
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 9720))),
        socket: Some(PathBuf::from("/run/evenkeel/evenkeel.sock")),
        log: LogSettings { format: LogFormat::Human, level: "info".to_owned() },
        grace: seconds(60),
        hold_errors_for: seconds(120),
        storm: Some(Storm { targets: 3, share: 0.5, within: None }),
        starved_after: seconds(10),
        access: Access::default(),
    };
    assert_eq!(settings.agent, expected);
    assert_eq!(settings.agent, AgentSettings::default());

    let check = |name: &str| settings.checks.iter().find(|check| check.name == name).unwrap();
    let timing = |name: &str| {
        let check = check(name);
        (check.timeout, check.retries, check.interval, check.health.stale_after())
    };
    assert_eq!(timing("health"), (seconds(5), 3, seconds(30), seconds(90)));
    assert_eq!(timing("api-status"), (seconds(10), 2, seconds(60), seconds(180)));
    assert_eq!(timing("metrics"), (seconds(3), 1, seconds(30), seconds(90)));
    let window = check("health").breaker.as_ref().unwrap().window();
    assert_eq!(window, Window::Count { size: 20, max_age: Some(seconds(300)) });
    assert_eq!(check("metrics").breaker, None);
    let threshold = |name: &str| {
        let health = &check(name).health;
        let threshold = health.failure_threshold();
        (threshold.failures, threshold.within, health.success_threshold())
    };
    assert_eq!(threshold("health"), (3, 5, 2));
    assert_eq!(threshold("supervisor-memory"), (1, 1, 1));

    let socket = PathBuf::from("/var/run/supervisor.sock");
    let daemon = ProcessTarget {
        // What conditions judge.
        judged: vec!["rss_bytes".to_owned()],
        ..ProcessTarget::new(ProcessSelector::SupervisorDaemon { socket: socket.clone() })
    };
    assert_eq!(check("supervisor-memory").target, Target::Process(daemon));
    let too_much = Condition {
        field: "rss_bytes".to_owned(),
        test: Test::Above(300e6),
        sustained_for: Some(seconds(300)),
    };
    assert_eq!(check("supervisor-memory").conditions, [too_much]);

    let [recovery] = settings.recoveries.as_slice() else { panic!("one recovery") };
    let actions: Vec<_> = recovery.steps.iter().map(|step| step.action.clone()).collect();
    let unit = "supervisor".parse().unwrap();
    let wanted = [
        Action::SupervisorRestartProgram { socket, program: None },
        Action::SystemdRestart { unit, end_left_overs: true },
    ];
    assert_eq!(actions, wanted);
    assert_eq!(recovery.retry.max_retries(), 3);
    assert_eq!(recovery.budgets.per_target.to_string(), "3/1h");
    assert_eq!(recovery.budgets.per_group.to_string(), "6/1h");
    assert_eq!((recovery.group.as_str(), recovery.slow_retry), ("supervisor", Some(seconds(3600))));
    assert_eq!((recovery.verify_timeout, recovery.stable_for), (seconds(60), seconds(600)));
    let slo = &settings.slos[0];
    assert_eq!(slo.checks, ["supervisor", "health"]);
    assert_eq!(
        (slo.promise.objective.to_string(), slo.promise.slice),
        ("0.999".into(), seconds(30))
    );
    assert_eq!(
        (slo.promise.exclude_unknown_up_to.to_string(), slo.promise.min_bad),
        ("0.05".into(), 3)
    );
}

#[test]
fn a_budget_that_a_wider_one_leaves_without_effect_is_advice() {
    let text = |budget: &str| {
        format!(
            "[check.web]\ntcp = {{ address = \"127.0.0.1:80\" }}\n[recovery.web]\nwhen = [\"web\"]\n\
             steps = [{{ action = \"exec\", command = [\"/bin/true\"] }}]\nmax_retries = 9\nbackoff = {{ initial = \"1s\", max = \"1s\" }}\n\
             slow_retry = \"1m\"\nbudget = {budget}\n"
        )
    };
    let advice = |budget: &str| {
        let settings = load_text("test.toml", &text(budget)).expect("settings");
        settings.advice().to_owned()
    };
    assert_eq!(
        advice("{ per_target = \"8/1h\" }"),
        ["recovery.web.budget.per_target: 8/1h limits nothing, as per_group is 6/1h"]
    );
    assert_eq!(
        advice("{ per_target = \"8/1h\", per_group = \"20/1h\" }"),
        ["recovery.web.budget.per_group: 20/1h limits nothing, as per_host is 10/1h"]
    );
    assert_eq!(advice("{ per_target = \"8/10m\", per_group = \"9/1h\" }"), [""; 0]);
    assert_eq!(advice("{ per_target = \"6/1h\" }"), [""; 0], "both are used up at once");
}

#[test]
fn a_directory_that_is_emptied_at_boot_and_an_open_address_are_advice() {
    let settings = load_text(
        "x.toml",
        "[permissions.a]\npath = \"/tmp/a\"\nowner = \"root\"\n[cleanup.b]\npath = \"/tmp/a\"\n\
         match = \"*.x\"\nolder_than = \"1d\"\naction = \"delete\"\n[agent]\nlisten = \"0.0.0.0:9720\"\nopen = true\n",
    )
    .unwrap();
    let [below_tmp, listen] = settings.advice() else { panic!("{:#?}", settings.advice()) };
    assert_eq!(
        below_tmp,
        "`/tmp/a` (permissions.a, cleanup.b) is in a directory that is emptied at boot and in which anyone may make \
         entries: keep it in /run if it may go at boot, else in /var/lib"
    );
    assert!(listen.starts_with("agent.listen: whoever reaches 0.0.0.0:9720"), "{listen}");
}

#[test]
fn there_is_no_preset_of_another_name() {
    assert_eq!(preset("systemd").map(str::is_empty), Some(false));
    assert_eq!(preset("sysvinit"), None);
    let error = load(&with_preset("system")).unwrap_err();
    assert_eq!(error.problems()[0].message(), "no preset is named `system`");
    assert_eq!(
        error.problems()[0].hints(),
        ["did you mean `systemd`?", "accepted: tmux-supervisor, systemd, minimal"]
    );
}

#[test]
fn settings_in_the_documents_are_valid() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documents = walkdir::WalkDir::new(top.join("docs")).into_iter().filter_map(Result::ok);
    let paths = documents.map(walkdir::DirEntry::into_path).chain([top.join("README.md")]);
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            if let Err(error) = load_text(&path, block) {
                panic!("{}: {error}", path.display());
            }
        }
    }
}
