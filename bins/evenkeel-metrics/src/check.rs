use std::io::Read as _;

use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line};
use evenkeel_metrics::exposition::lint;
use serde_json::json;

use crate::args::Check;

/// A page beyond this is no page that a scraper would take.
const MAX_PAGE_BYTES: u64 = 256 * 1024 * 1024;

pub(crate) fn check(common: &Common, args: &Check) -> Result<Exit, Failure> {
    let page = read(args)?;
    let findings = lint(&page);
    if common.json {
        print_json(&json!({ "holds": findings.is_empty(), "findings": findings }));
    } else {
        let name = if args.file.as_os_str() == "-" {
            "standard input".to_owned()
        } else {
            escaped(&args.file)
        };
        for finding in &findings {
            print_line(format_args!("{name}:{}", escaped(finding.to_string())));
        }
    }
    Ok(if findings.is_empty() { Exit::Holds } else { Exit::Deviates })
}

#[expect(clippy::disallowed_methods, reason = "the user names the file to read")]
fn read(args: &Check) -> Result<String, Failure> {
    let cannot_read = |error: std::io::Error| {
        Failure::refused_because(format!("cannot read `{}`: {error}", escaped(&args.file)))
    };
    let mut page = String::new();
    let size = if args.file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_PAGE_BYTES + 1).read_to_string(&mut page)
    } else {
        let file = std::fs::File::open(&args.file).map_err(cannot_read)?;
        file.take(MAX_PAGE_BYTES + 1).read_to_string(&mut page)
    };
    if size.map_err(cannot_read)? as u64 > MAX_PAGE_BYTES {
        return Err(Failure::refused_because(format!(
            "`{}` has more than {MAX_PAGE_BYTES} bytes",
            escaped(&args.file)
        )));
    }
    Ok(page)
}
