use std::time::Duration;

use evenkeel_probe::{
    HttpTarget, HttpUrl, Measurement, Pattern, Prober, Target, UnixTarget, fuzzing,
};

use crate::peer::answered;
use crate::{assert_harmless, parts};

const DEADLINE: Duration = Duration::from_secs(2);
/// The page that is asked for.
const URL: &str = "http://fuzz.test/here/page?q=1";

/// What an HTTP server answers, one answer for each request of a chain of redirects, with `%%%%` between them.
///
/// The outcome is told in harmless words. A redirect leads to what can be asked for, and never off its socket.
pub fn http(data: &[u8]) {
    let answers = parts(data);
    let measurement = answered(&answers, async |socket| {
        let mut target = HttpTarget::try_new(URL).expect("a URL");
        target.set_unix_socket(socket.to_owned()).expect("a socket");
        target.max_redirects = 5;
        target.keep_body = true;
        target.keep_header("x-version");
        measured(Target::Http(target)).await
    });
    assert!(measurement.took <= DEADLINE, "it took {:?}", measurement.took);
    said(&measurement);
}

/// What a server says to whoever connects: the first line is the pattern that is waited for, the rest is the answer.
pub fn banner(data: &[u8]) {
    let split = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (pattern, answer) = data.split_at(split);
    let pattern = str::from_utf8(pattern).ok().and_then(|pattern| Pattern::try_new(pattern).ok());
    let measurement = answered(&[answer], async |socket| {
        let mut target = UnixTarget::try_new(socket).expect("a socket");
        target.exchange.send = b"HELO\r\n".to_vec();
        target.exchange.expect = pattern;
        target.exchange.keep_response = true;
        target.exchange.needs_response = true;
        measured(Target::Unix(target)).await
    });
    said(&measurement);
}

/// Where a `location` leads from a page, each on a line of its own.
///
/// Wherever it is to, it can be written as a URL and read again as the same one.
pub fn redirect(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (page, location) = text.split_once('\n').unwrap_or((URL, &text));
    let Ok(page) = HttpUrl::try_new(page) else { return };
    match fuzzing::redirect(&page, location) {
        Ok(url) => {
            let scheme = if url.is_tls() { "https" } else { "http" };
            let written = format!("{scheme}://{}{}", url.authority(), url.request_target());
            assert_eq!(HttpUrl::try_new(&written).as_ref(), Ok(&url), "written {written:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "refused without a word"),
    }
}

async fn measured(target: Target) -> Measurement {
    Prober::new().measure(&target, DEADLINE).await
}

fn said(measurement: &Measurement) {
    if let Some(failure) = measurement.outcome.failure() {
        assert_harmless(&failure.detail);
        assert!(!failure.detail.contains('\n'), "more than a line: {:?}", failure.detail);
    }
}
