//! What of the settings must never be shown, however they are written and however wrong they are.

use std::fs;

use evenkeel_config::{ConfigError, Sources, load, load_text, reveal, show};
use tempfile::TempDir;

/// Every place of a secret, each with a marker of its own.
const SETTINGS: &str = r#"[check.web]
http = { url = "http://127.0.0.1:8080/health?token=MARKER01&verbose=1", method = "POST", headers = { Authorization = "Bearer MARKER02", X-Custom = "MARKER03", Accept = "text/plain" }, body = '{"user":"me","pin":"MARKER04"}' }

[check.api.http]
url = "http://127.0.0.1:8080/"
headers.Cookie = "session=MARKER05; theme=dark"

[check.cache]
tcp = { address = "127.0.0.1:6379", send = "AUTH MARKER06\r\n", expect = "OK" }

[check.socket]
unix = { path = "/run/app.sock", send = """
HELLO
MARKER07
""" }

[check.script]
exec = { command = ["/usr/bin/login", "--password", "MARKER08", "https://me:MARKER09@example.org/"], environment = { MODE = "MARKER10", PATH = "/usr/bin" } }

[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["curl", "-H", "X-Api-Key: MARKER11", "http://127.0.0.1/restart?sig=MARKER12"] }]

[alerts.receiver.chat]
webhook = { url = "https://chat.example.org/hooks/MARKER13", headers = { X-Hook = "MARKER14" } }
"#;

fn sources(dir: &TempDir, text: &str) -> Sources {
    let file = dir.path().join("evenkeel.toml");
    fs::write(&file, text).unwrap();
    Sources { files: vec![file], ..Sources::default() }
}

fn said(error: &ConfigError) -> String {
    let mut said = format!("{error}\n{error:?}");
    for problem in error.problems() {
        said.push_str(&serde_json::to_string(problem).unwrap());
    }
    said
}

#[test]
fn the_settings_in_force_are_shown_without_their_secrets() {
    let dir = TempDir::new().unwrap();
    let sources = sources(&dir, SETTINGS);
    let settings = load(&sources).unwrap_or_else(|error| panic!("{error}"));
    for origin in [false, true] {
        let shown = show(&sources).unwrap().to_toml(origin);
        assert!(!shown.contains("MARKER"), "{shown}");
        let values = show(&sources).unwrap().to_values(origin);
        let values = serde_json::to_string(&values).unwrap();
        assert!(!values.contains("MARKER") && values.contains("token=***"), "{values}");
        assert!(
            shown.contains("/health?token=***&verbose=1") && shown.contains("/usr/bin/login"),
            "{shown}"
        );
        let clear = reveal(&sources).unwrap().to_toml(origin);
        assert_eq!(
            (1..=14).find(|number| !clear.contains(&format!("MARKER{number:02}"))),
            None,
            "{clear}"
        );
        assert_eq!(load_text("clear.toml", &clear).unwrap(), settings);
    }
    let debug = format!("{settings:?}");
    let target = settings.checks.iter().map(|check| check.target.describe()).collect::<String>();
    assert!(!target.contains("MARKER"), "{target}");
    assert!(!debug.contains("MARKER13") && !debug.contains("MARKER08"), "{debug}");
}

/// A target that repeats what it was sent must not bring it into the history.
#[test]
fn every_secret_is_known() {
    let settings = load_text("evenkeel.toml", SETTINGS).unwrap();
    for number in 1..=14 {
        let said = format!("the server said: `MARKER{number:02}` is wrong");
        // The pin of a body is known only together with it.
        if number != 4 {
            assert_eq!(settings.secrets.hide(&said), "the server said: `***` is wrong");
        }
    }
    let body = r#"echo: {"user":"me","pin":"MARKER04"}"#;
    assert_eq!(settings.secrets.hide(body), "echo: ***");
    assert_eq!(
        settings.secrets.hide("text/plain and /usr/bin stay"),
        "text/plain and /usr/bin stay"
    );
}

/// Cut off anywhere, or with a sign too many or too few anywhere between words, a file shows no secret where it is refused.
#[test]
fn a_file_that_is_broken_anywhere_gives_no_secret_away() {
    let mut broken = 0;
    for (at, char) in SETTINGS.char_indices() {
        let (before, after) = SETTINGS.split_at(at);
        let mut texts = Vec::new();
        if at % 3 == 0 {
            texts.push(before.to_owned());
        }
        if !char.is_ascii_alphanumeric() && !"-_".contains(char) {
            for sign in ["=", "\"", "'", "\"\"\"", "{", "]", "\n"] {
                texts.push(format!("{before}{sign}{after}"));
            }
            texts.push(format!("{before}{}", &after[char.len_utf8()..]));
        }
        for text in texts {
            let Err(error) = load_text("evenkeel.toml", &text) else { continue };
            broken += 1;
            let said = said(&error);
            assert!(!said.contains("MARKER"), "{text}\n\n{said}");
        }
    }
    assert!(broken > 1_000, "{broken}");
}

#[test]
fn a_wrong_value_a_flag_and_a_variable_show_no_secret() {
    for text in [
        "[check.w]\nhttp = \"http://u:MARKER@h/?key=MARKER\"\n",
        "[check.w]\nhttp = { url = \"ftp://u:MARKER@h/\" }\n",
        "[check.w]\nhttp = { url = \"http://h/ ?token=MARKER\" }\n",
        "[check.w]\nhttp = { url = \"http://h/\", header = { X-A = \"MARKER\" } }\n",
        "[check.w]\nhttp = { url = \"http://h/\", headers = \"X-A: MARKER\" }\n",
        "[check.w]\nhttp = { url = \"http://h/\", headers = { \"X A\" = \"MARKER\" } }\n",
        "[check.w]\nhttp = { url = \"http://h/\", headers = { X-A = 4 }, body = [\"MARKER\"] }\n",
        "[check.w]\nexec = { command = [\"true\"], enviroment = { A = \"MARKER\" } }\n",
        "[check.w]\nexec = { command = \"login --password MARKER\" }\n",
        "[agent]\npassword = \"MARKER\"\n",
    ] {
        let said = said(&load_text("evenkeel.toml", text).expect_err(text));
        assert!(!said.contains("MARKER"), "{text}\n\n{said}");
    }
    let sources = Sources {
        sets: vec![
            "check.w.http.headers.X-A=MARKER".to_owned(),
            "check.w.http.body=\"MARKER\"".to_owned(),
            "check.w.http={ url = 5, headers = { A = \"MARKER\" } }".to_owned(),
        ],
        env: vec![("EVENKEEL_CHECK__W__EXEC__ENVIRONMENT__A".to_owned(), "MARKER".to_owned())],
        ..Sources::default()
    };
    let said = said(&load(&sources).expect_err("no URL"));
    assert!(!said.contains("MARKER"), "{said}");
}
