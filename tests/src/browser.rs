//! A real Chromium that tests drive, by `WebDriver`: what a page does while it is open.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::ask;
use crate::{Daemon, LONG, Scratch, free_port, get, until};

/// A page takes its time to load on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one window; closed when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Daemon,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Opens a window of this width whose user reads these languages, such as `ja`.
    pub fn open(scratch: &Scratch, width: u32, languages: &str) -> Self {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let args = [format!("--port={port}"), "--allowed-ips=127.0.0.1".to_owned()];
        let log = scratch.join(&format!("chromedriver-{port}.log"));
        let mut driver = Daemon::start("chromedriver", "chromedriver", args, &log);
        until("chromedriver answers", LONG, || {
            assert!(driver.ended().is_none(), "chromedriver ended: {}", driver.log());
            get(address, "/status").is_ok()
        });
        let profile = scratch.join(&format!("profile-{port}"));
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--hide-scrollbars", format!("--user-data-dir={}", profile.display()),
            ],
            "prefs": { "intl.accept_languages": languages },
            "mobileEmulation": { "deviceMetrics": { "width": width, "height": 900, "pixelRatio": 1, "mobile": false, "touch": false } },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self { driver, address, session: String::new() };
        let made = browser.call("POST", "/session", &wanted);
        made["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        browser
    }

    /// Loads a page and waits until it is there.
    pub fn load(&self, url: &str) {
        self.of_session("/url", &json!({ "url": url }));
    }

    /// What a script in the page returns.
    pub fn run(&self, script: &str) -> Value {
        self.of_session("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text that a reader sees.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script in the page returns true.
    #[track_caller]
    pub fn until(&self, what: &str, script: &str) {
        until(what, LONG, || self.run(script) == json!(true));
    }

    /// Lets no script run in what is loaded from now on.
    pub fn refuse_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// The document as the browser has it; needs no script.
    pub fn document(&self) -> String {
        let root = self.devtools("DOM.getDocument", &json!({}));
        let html = self.devtools("DOM.getOuterHTML", &json!({ "nodeId": root["root"]["nodeId"] }));
        html["outerHTML"].as_str().expect("a document").to_owned()
    }

    /// Has the user prefer `dark` or `light`.
    pub fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let params = json!({ "media": "", "features": features });
        self.of_session(
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setEmulatedMedia", "params": params }),
        );
    }

    /// What the browser complained of since it was last asked, such as what a policy kept from running.
    pub fn complaints(&self) -> Vec<String> {
        let logged = self.of_session("/se/log", &json!({ "type": "browser" }));
        let lines = logged.as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether a dialog, such as of `alert()`, is open.
    pub fn has_dialog(&self) -> bool {
        let path = format!("/session/{}/alert/text", self.session);
        self.answer("GET", &path, &Value::Null)["error"].is_null()
    }

    /// Keeps a picture of the whole page, as PNG.
    pub fn picture(&self, path: &Path) {
        let size = self.run("return document.documentElement.scrollHeight");
        let width = self.run("return innerWidth");
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": size, "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.devtools("Page.captureScreenshot", &params);
        let png = STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("base64");
        fs::write(path, png).expect("a picture can be kept");
    }

    /// What the browser answers to a command of its developer tools.
    fn devtools(&self, command: &str, params: &Value) -> Value {
        self.of_session("/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    fn of_session(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    /// The value of an answer that is a success.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let value = self.answer(method, path, body);
        assert!(value["error"].is_null(), "{method} {path}: {value}\n{}", self.driver.log());
        value
    }

    fn answer(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (address, length) = (self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = ask(address, &(head + &body), PATIENCE)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.driver.log()));
        let document: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer:?}"));
        document["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.answer("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
    }
}
