use std::io::Read as _;

use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line};
use evenkeel_metrics::exposition::{Finding, Severity, lint};
use serde_json::json;

use crate::args::Check;

/// A page beyond this is no page that a scraper would take.
const MAX_PAGE_BYTES: u64 = 256 * 1024 * 1024;

pub(crate) fn check(common: &Common, args: &Check) -> Result<Exit, Failure> {
    let name = name(args);
    let page = read(args, &name)?;
    if page.iter().all(u8::is_ascii_whitespace) {
        // Most likely whoever fetched it got nothing, and would take silence for praise.
        return Err(Failure::refused_because(format!(
            "{name} is empty: there is no page to check"
        )));
    }
    let findings = findings(&page);
    if common.json {
        print_json(&json!({ "holds": findings.is_empty(), "findings": findings }));
    } else {
        for finding in &findings {
            print_line(format_args!("{name}:{}", escaped(finding.to_string())));
        }
    }
    Ok(if findings.is_empty() { Exit::Holds } else { Exit::Deviates })
}

fn findings(page: &[u8]) -> Vec<Finding> {
    let error = match std::str::from_utf8(page) {
        Ok(page) => return lint(page),
        Err(error) => error,
    };
    let (before, rest) = page.split_at(error.valid_up_to());
    let line = before.split(|byte| *byte == b'\n').count();
    let byte = rest.first().copied().unwrap_or_default();
    let message = format!("byte 0x{byte:02x} is not UTF-8, and no scraper reads on");
    vec![Finding { line, severity: Severity::Error, message }]
}

/// What the page is called in what is said about it.
fn name(args: &Check) -> String {
    if args.file.as_os_str() == "-" { "standard input".to_owned() } else { escaped(&args.file) }
}

#[expect(clippy::disallowed_methods, reason = "the user names the file to read")]
fn read(args: &Check, name: &str) -> Result<Vec<u8>, Failure> {
    let cannot_read =
        |error: std::io::Error| Failure::refused_because(format!("cannot read {name}: {error}"));
    let mut page = Vec::new();
    let size = if args.file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_PAGE_BYTES + 1).read_to_end(&mut page)
    } else {
        let file = std::fs::File::open(&args.file).map_err(cannot_read)?;
        file.take(MAX_PAGE_BYTES + 1).read_to_end(&mut page)
    };
    if size.map_err(cannot_read)? as u64 > MAX_PAGE_BYTES {
        return Err(Failure::refused_because(format!(
            "{name} has more than {MAX_PAGE_BYTES} bytes"
        )));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_utf_8_is_found_in_its_line() {
        let found = findings(b"a 1\nb{c=\"\xff\"} 2\n");
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2: byte 0xff is not UTF-8, and no scraper reads on"]);
    }
}
