use std::time::Duration;

use crate::{Scratch, run_within};

/// The document that a real Chromium makes of `url` once its scripts have run.
pub fn dump_dom(scratch: &Scratch, url: &str) -> String {
    let profile = format!("--user-data-dir={}", scratch.join("chromium").display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
        "--virtual-time-budget=3000",
        "--dump-dom",
        url,
    ];
    let finished = run_within(Duration::from_secs(90), "chromium", args, None);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.stdout
}
