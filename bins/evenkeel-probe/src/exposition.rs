//! A report as the blackbox exporter writes it: the same names for the same facts, in Prometheus's text format.

use std::fmt::Write;
use std::net::IpAddr;

use evenkeel_cli::escaped;
use evenkeel_probe::{FailureClass, Target};

use crate::report::{Report, Verdict};

/// The content type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const HTTP_PHASES: [(&str, &str); 5] = [
    ("resolve", "resolve_ms"),
    ("connect", "connect_ms"),
    ("tls", "tls_ms"),
    ("processing", "processing_ms"),
    ("transfer", "transfer_ms"),
];

/// The page of one probe.
pub(crate) fn page(report: &Report<'_>) -> String {
    let mut page = Page(String::new());
    let facts = &report.measurement.facts;
    let seconds = |field| facts.number(field).map(|milliseconds| milliseconds / 1e3);
    let class = report.classes();
    let up = report.verdict() == Verdict::Up;
    for reason in report.reasons() {
        // A comment, for a person who asks by hand.
        let _ = writeln!(page.0, "# {}", escaped(reason));
    }
    page.gauge("probe_success", "Displays whether or not the probe was a success", truth(up));
    let took = report.measurement.took.as_secs_f64();
    page.gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        took,
    );
    page.maybe(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds",
        seconds("resolve_ms"),
    );
    if let Some(ip) = facts.text("ip").and_then(|ip| ip.parse::<IpAddr>().ok()) {
        let protocol = if ip.is_ipv4() { 4.0 } else { 6.0 };
        page.gauge(
            "probe_ip_protocol",
            "Specifies whether probe ip protocol is IP4 or IP6",
            protocol,
        );
        let help =
            "Specifies the hash of IP address. It's useful to detect if the IP address changes.";
        page.gauge("probe_ip_addr_hash", help, hash(ip).into());
    }
    let of_regex = class.contains(&FailureClass::Body);
    match report.target {
        Target::Http(_) => http(&mut page, report, of_regex),
        Target::Tcp(_) => page.gauge(
            "probe_failed_due_to_regex",
            "Indicates if probe failed due to regex",
            truth(of_regex),
        ),
        Target::Dns(_) => {
            page.maybe(
                "probe_dns_answer_rrs",
                "Returns number of entries in the answer resource record list",
                facts.number("answers"),
            );
            page.gauge(
                "probe_dns_query_succeeded",
                "Displays whether or not the query was executed successfully",
                truth(facts.number("answers").is_some()),
            );
        }
        _ => {}
    }
    page.maybe(
        "probe_ssl_earliest_cert_expiry",
        "Returns earliest SSL cert expiry in unixtime",
        facts.number("cert_expiry_seconds"),
    );
    page.0
}

fn http(page: &mut Page, report: &Report<'_>, of_regex: bool) {
    let facts = &report.measurement.facts;
    let phases =
        HTTP_PHASES.map(|(phase, field)| (phase, facts.number(field).unwrap_or_default() / 1e3));
    page.family(
        "probe_http_duration_seconds",
        "Duration of http request by phase, summed over all redirects",
        "phase",
        &phases,
    );
    let number = |field| facts.number(field).unwrap_or_default();
    page.gauge("probe_http_status_code", "Response HTTP status code", number("status"));
    page.gauge("probe_http_redirects", "The number of redirects", number("redirects"));
    let secure = facts.number("cert_days").is_some();
    page.gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect", truth(secure));
    let version = facts.text("http_version").and_then(|version| version.parse().ok());
    page.gauge(
        "probe_http_version",
        "Returns the version of HTTP of the probe response",
        version.unwrap_or_default(),
    );
    let length = facts.text("header.content-length").and_then(|length| length.parse().ok());
    // A response that does not say how long it is; without a response 0.
    let unsaid = if facts.number("status").is_some() { -1.0 } else { 0.0 };
    page.gauge(
        "probe_http_content_length",
        "Length of http content response",
        length.unwrap_or(unsaid),
    );
    page.gauge(
        "probe_http_uncompressed_body_length",
        "Length of uncompressed response body",
        number("body_bytes"),
    );
    page.gauge(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex",
        truth(of_regex),
    );
}

struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }

    fn maybe(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.gauge(name, help, value);
        }
    }

    fn family(&mut self, name: &str, help: &str, label: &str, values: &[(&str, f64)]) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (word, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{word}\"}} {value}");
        }
    }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// FNV-1a of 32 bits over the bytes of the address, as the blackbox exporter has it.
fn hash(ip: IpAddr) -> u32 {
    let bytes = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes
        .iter()
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_probe::{Facts, HttpTarget, Measurement, Outcome};

    use super::*;
    use crate::report::Conditions;

    #[test]
    fn an_http_probe_has_the_names_of_blackbox_exporter() {
        let target = Target::Http(HttpTarget::try_new("https://localhost/").unwrap());
        let mut facts: Facts = [
            ("status", 500.0),
            ("resolve_ms", 0.25),
            ("connect_ms", 1.0),
            ("tls_ms", 20.0),
            ("processing_ms", 5.0),
            ("transfer_ms", 0.5),
            ("redirects", 1.0),
            ("body_bytes", 7.0),
            ("cert_days", 1.0),
            ("cert_expiry_seconds", 1_800_000_000.0),
        ]
        .into_iter()
        .collect();
        facts.set("ip", "127.0.0.1");
        facts.set("http_version", "1.1");
        facts.set("header.content-length", "7");
        let outcome = Outcome::bad(FailureClass::Status, "status 500\n\u{1b}");
        let took = Duration::from_millis(30);
        let measurement = Measurement { took, outcome, facts, parts: Vec::new() };
        let report = Report::new(&target, Conditions::default(), 1, measurement);
        let expected = "\
# status 500\\n\\u{1b}
# HELP probe_success Displays whether or not the probe was a success
# TYPE probe_success gauge
probe_success 0
# HELP probe_duration_seconds Returns how long the probe took to complete in seconds
# TYPE probe_duration_seconds gauge
probe_duration_seconds 0.03
# HELP probe_dns_lookup_time_seconds Returns the time taken for probe dns lookup in seconds
# TYPE probe_dns_lookup_time_seconds gauge
probe_dns_lookup_time_seconds 0.00025
# HELP probe_ip_protocol Specifies whether probe ip protocol is IP4 or IP6
# TYPE probe_ip_protocol gauge
probe_ip_protocol 4
# HELP probe_ip_addr_hash Specifies the hash of IP address. It's useful to detect if the IP address changes.
# TYPE probe_ip_addr_hash gauge
probe_ip_addr_hash 3668918509
# HELP probe_http_duration_seconds Duration of http request by phase, summed over all redirects
# TYPE probe_http_duration_seconds gauge
probe_http_duration_seconds{phase=\"resolve\"} 0.00025
probe_http_duration_seconds{phase=\"connect\"} 0.001
probe_http_duration_seconds{phase=\"tls\"} 0.02
probe_http_duration_seconds{phase=\"processing\"} 0.005
probe_http_duration_seconds{phase=\"transfer\"} 0.0005
# HELP probe_http_status_code Response HTTP status code
# TYPE probe_http_status_code gauge
probe_http_status_code 500
# HELP probe_http_redirects The number of redirects
# TYPE probe_http_redirects gauge
probe_http_redirects 1
# HELP probe_http_ssl Indicates if SSL was used for the final redirect
# TYPE probe_http_ssl gauge
probe_http_ssl 1
# HELP probe_http_version Returns the version of HTTP of the probe response
# TYPE probe_http_version gauge
probe_http_version 1.1
# HELP probe_http_content_length Length of http content response
# TYPE probe_http_content_length gauge
probe_http_content_length 7
# HELP probe_http_uncompressed_body_length Length of uncompressed response body
# TYPE probe_http_uncompressed_body_length gauge
probe_http_uncompressed_body_length 7
# HELP probe_failed_due_to_regex Indicates if probe failed due to regex
# TYPE probe_failed_due_to_regex gauge
probe_failed_due_to_regex 0
# HELP probe_ssl_earliest_cert_expiry Returns earliest SSL cert expiry in unixtime
# TYPE probe_ssl_earliest_cert_expiry gauge
probe_ssl_earliest_cert_expiry 1800000000
";
        assert_eq!(page(&report), expected);
    }
}
