use std::cell::OnceCell;

use evenkeel_agent::fuzzing::Page;
use evenkeel_config::load_text;
use evenkeel_journal::{Entry, Journal, Stretch};
use tokio::runtime::Runtime;

use crate::peer::runtime;
use crate::scratch;

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://127.0.0.1:1/" }
[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["restart-web"] }]
[permissions.state]
path = "/tmp/state"
files = [{ match = "*", mode = "0644" }]
"#;

/// What a client sends to the agent: to the control socket if the first byte is even, else to its address.
///
/// Whatever is answered is HTTP; a client that sends nothing but bytes gets no order obeyed at the address.
pub fn page(data: &[u8]) {
    thread_local! {
        static PAGE: OnceCell<Served> = const { OnceCell::new() };
    }
    let Some((door, request)) = data.split_first() else { return };
    PAGE.with(|served| {
        let served = served.get_or_init(Served::new);
        let control = door % 2 == 0;
        let heard = served.runtime.block_on(served.page.hear(request, control));
        if heard.is_empty() {
            return;
        }
        assert!(heard.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&heard));
        let obeyed = heard.windows(9).any(|window| window == b"\"order\":\"");
        assert!(control || !obeyed, "an order was obeyed: {:?}", String::from_utf8_lossy(&heard));
    });
}

struct Served {
    page: Page,
    runtime: Runtime,
    _scratch: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let scratch = scratch();
        let at = "2026-11-24T12:00:00Z".parse().expect("a time");
        let (mut journal, _) = Journal::open(scratch.path(), at).expect("a history");
        let evidence = serde_json::json!({ "state": "down" });
        journal.open_incident(1, at, "web", "down", &evidence).expect("an incident");
        let entry = Entry {
            kind: "check_changed",
            target: "web",
            incident: Some(1),
            message: "up -> down",
            data: evidence,
        };
        journal.append(at, &entry).expect("an event");
        let until = "2026-11-24T12:05:00Z".parse().expect("a time");
        let (subject, verdict) = ("web".to_owned(), "bad".to_owned());
        journal.extend(&Stretch { subject, verdict, from: at, until, slices: 5 }).expect("time");
        let settings = load_text("page.toml", SETTINGS).expect("settings");
        let runtime = runtime();
        let page = {
            let _guard = runtime.enter();
            Page::new(settings, Some(scratch.path().to_owned()))
        };
        Self { page, runtime, _scratch: scratch }
    }
}
