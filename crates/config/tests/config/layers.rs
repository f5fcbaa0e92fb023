use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_config::{
    Mode, RECEIVER_VARIABLES, Settings, Sources, VARIABLE_PREFIX, load, load_text, reveal, show,
};
use evenkeel_recovery::actions::VARIABLES;
use proptest::prelude::*;
use tempfile::TempDir;

fn write(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn loaded(sources: &Sources) -> Settings {
    load(sources).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn without_any_source_the_defaults_hold() {
    let settings = loaded(&Sources::default());
    assert_eq!(settings, Settings { advice: settings.advice.clone(), ..Settings::default() });
}

#[test]
fn each_layer_wins_over_the_ones_below() {
    let dir = TempDir::new().unwrap();
    let grace = |value: &str| format!("[agent]\ngrace = \"{value}\"\n");
    let seconds = |sources: &Sources| loaded(sources).agent.grace.as_secs();
    let mut sources = Sources::default();
    assert_eq!(seconds(&sources), 60);
    sources.preset = Some("minimal".to_owned());
    assert_eq!(seconds(&sources), 60);
    sources.host_file = Some(write(&dir, "evenkeel.toml", &grace("1s")));
    assert_eq!(seconds(&sources), 1);
    write(&dir, "conf.d/20-late.toml", &grace("3s"));
    write(&dir, "conf.d/10-early.toml", &grace("2s"));
    write(&dir, "conf.d/30-other.txt", "not settings");
    write(&dir, "conf.d/.40-hidden.toml", &grace("4s"));
    sources.host_dir = Some(dir.path().join("conf.d"));
    assert_eq!(seconds(&sources), 3);
    sources.env = pairs(&[("EVENKEEL_AGENT__GRACE", "5s"), ("PATH", "/bin")]);
    assert_eq!(seconds(&sources), 5);
    sources.files = vec![write(&dir, "a.toml", &grace("6s"))];
    assert_eq!(seconds(&sources), 6);
    write(&dir, "named/b.toml", &grace("7s"));
    sources.files.push(dir.path().join("named"));
    assert_eq!(seconds(&sources), 7);
    sources.sets = vec!["agent.grace=8s".to_owned(), "agent.grace = \"9s\"".to_owned()];
    assert_eq!(seconds(&sources), 9);
}

#[test]
fn host_files_may_be_absent_and_named_ones_may_not() {
    let dir = TempDir::new().unwrap();
    let absent = dir.path().join("absent");
    let host = Sources {
        host_file: Some(absent.clone()),
        host_dir: Some(absent.clone()),
        ..Sources::default()
    };
    assert!(load(&host).is_ok());
    let named = Sources { files: vec![absent], ..Sources::default() };
    assert!(load(&named).is_err());
}

#[test]
fn tables_merge_key_by_key_and_lists_are_replaced() {
    let dir = TempDir::new().unwrap();
    let low = "[check.a]\nsupervisor = { url = \"unix:///run/s.sock\", programs = [\"x\", \"y\"] }\ntimeout = \"1s\"\n";
    let high = "[check.a]\nsupervisor.programs = [\"z\"]\nretries = 1\n";
    let files = vec![write(&dir, "1.toml", low), write(&dir, "2.toml", high)];
    let settings = loaded(&Sources { files, ..Sources::default() });
    let whole = load_text(
        "x",
        "[check.a]\nsupervisor = { url = \"unix:///run/s.sock\", programs = [\"z\"] }\ntimeout = \"1s\"\nretries = 1\n",
    );
    assert_eq!(settings, whole.unwrap());
}

#[test]
fn names_with_dashes_can_be_set_from_everywhere() {
    let dir = TempDir::new().unwrap();
    let text = "[check.api-status]\ntcp = { address = \"localhost:80\" }\n[check.\"v1.2\"]\ntcp = { address = \"localhost:81\" }\n";
    let sources = Sources {
        files: vec![write(&dir, "1.toml", text)],
        env: pairs(&[("EVENKEEL_CHECK__API_STATUS__TIMEOUT", "2s")]),
        sets: vec![
            "check.api-status.retries=4".to_owned(),
            "check.\"v1.2\".tcp.address=localhost:82".to_owned(),
            "agent.mode=observe".to_owned(),
        ],
        ..Sources::default()
    };
    let settings = loaded(&sources);
    assert_eq!(settings.checks.len(), 2);
    assert_eq!(
        (settings.checks[0].timeout, settings.checks[0].retries),
        (Duration::from_secs(2), 4)
    );
    assert_eq!(settings.checks[1].target.describe(), "tcp localhost:82");
    assert_eq!(settings.agent.mode, Mode::Observe);
}

#[test]
fn a_listener_can_be_switched_off() {
    let sources = Sources {
        env: pairs(&[("EVENKEEL_AGENT__LISTEN", "off"), ("EVENKEEL_AGENT__SOCKET", "off")]),
        ..Sources::default()
    };
    let agent = loaded(&sources).agent;
    assert_eq!((agent.listen, agent.socket), (None, None));
}

#[test]
fn the_origin_of_each_value_is_shown() {
    let dir = TempDir::new().unwrap();
    let file = write(
        &dir,
        "a.toml",
        "# a check\n[check.web]\ntcp.address = \"localhost:80\"\ninterval = \"20s\"\n",
    );
    let sources = Sources {
        files: vec![file.clone()],
        env: pairs(&[("EVENKEEL_AGENT__GRACE", "5s")]),
        sets: vec!["check.web.retries=1".to_owned()],
        ..Sources::default()
    };
    let shown =
        show(&sources).unwrap().to_toml(true).replace(&*file.display().to_string(), "a.toml");
    let expected = r#"[agent]
grace = "5s"                                # EVENKEEL_AGENT__GRACE
hold_errors_for = "2m"                      # default
listen = "127.0.0.1:9720"                   # default
log = { format = "human", level = "info" }  # default
mode = "enforce"                            # default
socket = "/run/evenkeel/evenkeel.sock"      # default
starved_after = "10s"                       # default
state_dir = "/var/lib/evenkeel"             # default
storm = { share = "50%", targets = 3 }      # default

[alerts]
interval = "30s"  # default
repeat = "4h"     # default

[check.web]
failure_threshold = { failures = 3, within = 5 }    # default
flap = { high = "30%", hold = "10m", low = "20%" }  # default
initial_delay = "0s"                                # default
interval = "20s"                                    # a.toml:4
retries = 1                                         # --set check.web.retries=1
retry_delay = "200ms"                               # default
startup_grace = "0s"                                # default
success_threshold = 2                               # default
tcp = { address = "localhost:80" }                  # a.toml:3
timeout = "5s"                                      # default
"#;
    assert_eq!(shown, expected, "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the layers set, each key has the value of the highest layer that sets it, and the default if none does.
    #[test]
    fn a_later_layer_wins_key_by_key(
        layers in prop::collection::vec(prop::collection::btree_map(0..4_usize, 1..10_000_u64, 0..4), 0..5),
    ) {
        const KEYS: [(&str, u64); 4] =
            [("agent.grace", 60), ("agent.hold_errors_for", 120), ("check.c.interval", 30), ("check.c.startup_grace", 0)];
        let dir = TempDir::new().unwrap();
        let base = write(&dir, "base.toml", "[check.c]\ntcp = { address = \"localhost:80\" }\ntimeout = \"1s\"\n");
        let mut sources = Sources { files: vec![base], ..Sources::default() };
        for (number, layer) in layers.iter().enumerate() {
            // The last layer comes as flags, the others as files.
            if number + 1 == layers.len() {
                sources.sets = layer.iter().map(|(key, value)| format!("{}={value}s", KEYS[*key].0)).collect();
            } else {
                let line = |(key, value): (&usize, &u64)| format!("{} = \"{value}s\"", KEYS[*key].0);
                let lines = layer.iter().map(line).collect::<Vec<_>>().join("\n");
                sources.files.push(write(&dir, &format!("{number}.toml"), &lines));
            }
        }
        let settings = load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let check = &settings.checks[0];
        let found = [settings.agent.grace, settings.agent.hold_errors_for, check.interval, check.health.startup_grace()];
        for (key, found) in found.into_iter().enumerate() {
            let expected = layers.iter().rev().find_map(|layer| layer.get(&key)).copied().unwrap_or(KEYS[key].1);
            prop_assert_eq!(found, Duration::from_secs(expected), "{}", KEYS[key].0);
        }
    }

    /// What was effective is what its own print says.
    #[test]
    fn what_is_shown_reads_back(
        name in "[a-z][a-z0-9._-]{0,10}",
        word in "[ -~é\\n\\t]{1,12}",
        seconds in 10..100_000_u64,
    ) {
        prop_assume!(!word.contains('\0'));
        let quoted = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        let text = format!("[check.\"{name}\"]\nexec.command = [\"echo\", \"{quoted}\"]\ninterval = \"{seconds}s\"\n");
        let dir = TempDir::new().unwrap();
        let sources = Sources { files: vec![write(&dir, "x.toml", &text)], ..Sources::default() };
        let settings = load(&sources).unwrap();
        let shown = reveal(&sources).unwrap().to_toml(true);
        prop_assert_eq!(load_text("shown", &shown).unwrap(), settings);
    }
}

#[test]
fn the_settings_in_force_are_shown_as_values_too() {
    let dir = TempDir::new().unwrap();
    let text = "[check.\"web.1\"]\ntcp.address = \"127.0.0.1:80\"\nretries = 2\n\n[cleanup.x]\npath = \"/srv/x\"\nmatch = [\"*\"]\nolder_than = \"7d\"\naction = \"delete\"\n";
    let file = write(&dir, "a.toml", text);
    let shown = show(&Sources { files: vec![file.clone()], ..Sources::default() }).unwrap();
    let document = |origin| serde_json::to_value(shown.to_values(origin)).unwrap();
    let (plain, with_origins) = (document(false), document(true));
    let values = &plain["values"];
    assert_eq!(values["check"]["web.1"]["retries"], 2);
    assert_eq!(values["check"]["web.1"]["tcp"]["address"], "127.0.0.1:80");
    assert_eq!(values["cleanup"]["x"]["older_than"], "7d");
    assert_eq!(values["agent"]["mode"], "enforce");
    assert_eq!(plain.get("origins"), None);
    assert_eq!(with_origins["values"], *values);
    let origins = &with_origins["origins"];
    assert_eq!(origins["check.\"web.1\".retries"], format!("{}:3", file.display()));
    assert_eq!(origins["agent.mode"], "default");
}

#[test]
fn what_commands_are_told_is_no_setting() {
    let told = VARIABLES.into_iter().chain(RECEIVER_VARIABLES);
    let env: Vec<_> = told.map(|name| (name.to_owned(), "web".to_owned())).collect();
    assert!(env.len() == 8 && env.iter().all(|(name, _)| name.starts_with(VARIABLE_PREFIX)));
    load(&Sources { env, ..Sources::default() }).expect("a command may ask evenkeel something");
}
