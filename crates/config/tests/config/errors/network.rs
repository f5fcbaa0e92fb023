//! Checks that ask over a network or a socket.

use evenkeel_config::load_text;
use evenkeel_probe::{Target, Test};

use super::refused;

#[test]
fn all_keys_are_read() {
    let settings = r#"[check.api]
http = { url = "https://api.internal/v1", method = "PUT", headers = { "X-Token" = "t" }, body = "{}", expect_status = [200, "3xx"], max_redirects = 3, ca_file = "/etc/ca.pem", client_cert = "/etc/c.pem", client_key = "/etc/c.key", server_name = "api.example", dns_timeout = "1s", max_body = "64KiB" }
conditions = [{ field = "cert_days", below = 14 }, { field = "header.X-Version", lacks = "^2" }]
[check.docker]
http = { url = "http://docker/_ping", unix_socket = "/run/docker.sock" }
[check.mail]
tcp = { address = "mail.example:465", tls = true, server_name = "mx.example", send = "QUIT\r\n", expect = "^220 " }
conditions = [{ field = "response", contains = "unavailable" }]
[check.redis]
unix = { path = "/run/redis.sock", send = "PING\r\n", expect = "PONG" }
[check.name]
dns = { name = "db.example.", type = "aaaa", server = "[2001:db8::53]:5353", expect = "2001:DB8:0::1" }
[check.host]
dns = { name = "db.example" }
"#;
    let settings = load_text("evenkeel.toml", settings).unwrap();
    let [api, docker, host, mail, name, redis] = settings.checks.as_slice() else {
        panic!("{settings:?}")
    };
    assert_eq!(docker.target.describe(), "http://docker/_ping over /run/docker.sock");
    assert_eq!(host.target.describe(), "dns A db.example");
    assert_eq!(redis.target.describe(), "unix /run/redis.sock");
    let Target::Http(http) = &api.target else { panic!("{api:?}") };
    assert_eq!((http.max_redirects, http.max_body, http.headers.len()), (3, 65_536, 1));
    assert_eq!((http.method.as_str(), http.body.0.as_slice()), ("PUT", b"{}".as_slice()));
    assert!(
        http.tls.client.is_some() && http.tls.ca_file.is_some() && http.tls.server_name.is_some()
    );
    assert!(matches!(api.conditions[1].test, Test::Lacks(_)));
    let Target::Tcp(tcp) = &mail.target else { panic!("{mail:?}") };
    assert_eq!(tcp.exchange.send, b"QUIT\r\n");
    assert!(tcp.tls.is_some() && tcp.exchange.keep_response && tcp.exchange.expect.is_some());
    let Target::Dns(dns) = &name.target else { panic!("{name:?}") };
    assert_eq!(dns.expect, ["2001:db8::1"]);
    assert_eq!(dns.server, Some("[2001:db8::53]:5353".parse().unwrap()));
}

/// What is said about a check of one line.
#[track_caller]
fn check(line: &str, message: &str, label: &str) {
    let said = refused(&format!("[check.web]\n{line}\ntimeout = \"5s\"\n"));
    assert!(said.contains(&format!("error: {message}")), "{said}");
    assert!(said.contains(" evenkeel.toml:2:"), "{said}");
    assert!(said.contains(label), "{said}");
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let https = |rest: &str| format!("http = {{ url = \"https://x/\", {rest} }}");
    let http = |rest: &str| format!("http = {{ url = \"http://x/\", {rest} }}");
    let key = |name: &str| format!("`check.web.http.{name}`");
    check(
        &https(r#"client_cert = "/c.pem""#),
        &format!("{} needs `client_key`", key("client_cert")),
        "one without the other",
    );
    check(
        &https(r#"client_key = "/c.pem""#),
        &format!("{} needs `client_cert`", key("client_key")),
        "one without the other",
    );
    check(
        &http(r#"server_name = "y""#),
        &format!("{} is of no use here", key("server_name")),
        "no TLS is spoken",
    );
    check(
        &http(r#"ca_file = "/c.pem""#),
        &format!("{} is of no use here", key("ca_file")),
        "no TLS is spoken",
    );
    check(
        &https(r#"unix_socket = "/x.sock""#),
        &format!("{} with https needs `server_name`", key("unix_socket")),
        "is not connected to",
    );
    check(
        &http(r#"unix_socket = "/x.sock", dns_timeout = "1s""#),
        &format!("{} is of no use here", key("dns_timeout")),
        "no name is looked up",
    );
    check(
        &http(r#"dns_timeout = "6s""#),
        &format!("{} never has an effect", key("dns_timeout")),
        "the whole attempt ends after 5s",
    );
    check(
        r#"dns = { name = "x", type = "MX" }"#,
        "`check.web.dns.type` needs `server`",
        "addresses alone",
    );
    check(
        r#"tcp = { address = "x:1", ca_file = "/c.pem" }"#,
        "`check.web.tcp.ca_file` is of no use here",
        "no TLS is spoken",
    );
    load_text(
        "evenkeel.toml",
        &format!("[check.web]\n{}\n", http(r#"ca_file = "/c.pem", max_redirects = 1"#)),
    )
    .unwrap();
}

#[test]
fn values_out_of_bounds_are_refused() {
    let http = |rest: &str| format!("http = {{ url = \"http://x/\", {rest} }}");
    check(
        &http("max_redirects = 21"),
        "`check.web.http.max_redirects` cannot be `21`",
        "out of bounds",
    );
    check(&http(r#"max_body = "17MiB""#), "`check.web.http.max_body` cannot be", "out of bounds");
    check(&http("max_body = 0"), "`check.web.http.max_body` cannot be", "out of bounds");
    check(
        &http(r#"unix_socket = "x.sock""#),
        "`check.web.http.unix_socket` is no socket",
        "not an absolute path",
    );
    let long = "x".repeat(108);
    check(
        &format!("unix = {{ path = \"/{long}\" }}"),
        "`check.web.unix.path` is no socket",
        "107 bytes",
    );
    check(
        r#"unix = { path = "/x.sock", expect = "(" }"#,
        "`check.web.unix.expect` is not a regular expression",
        "unclosed group",
    );
    check(r#"dns = { name = "a..b" }"#, "`check.web.dns.name` cannot be asked for", "63 letters");
    check(
        r#"dns = { name = "x", type = "AA" }"#,
        "`check.web.dns.type` cannot be `AA`",
        "did you mean",
    );
    check(
        r#"dns = { name = "x", server = "ns1" }"#,
        "`check.web.dns.server` cannot be `ns1`",
        "not an address",
    );
    check(
        r#"dns = { name = "x", expect = ["1.2.3.4", "::1"] }"#,
        "`check.web.dns.expect[1]` can never be an answer",
        "no IPv4 address",
    );
    check(
        r#"tcp = { address = "x:1", sned = "a" }"#,
        "unknown key `sned` in `check.web.tcp`",
        "did you mean `send`?",
    );
}

#[test]
fn a_field_that_is_never_seen_is_refused() {
    let settings = r#"[check.web]
tcp = { address = "x:1" }
conditions = [{ field = "cert_days", below = 14 }]
"#;
    let expected = r#"the settings have a problem

error: `cert_days` is never seen of `tcp x:1`
 --> evenkeel.toml:3:25
  |
3 | conditions = [{ field = "cert_days", below = 14 }]
  |                         ^^^^^^^^^^^ no TLS, no certificate
  |
  = help: accepted with TLS alone
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn what_may_be_a_secret_is_not_shown_with_its_problem() {
    let settings = r#"[check.web]
http = { url = "http://me:hunter2@x/" }
[check.api]
http = { url = "http://x/", headers = { Authorization = "Bearer hunter2\n" } }
[check.put]
http = { url = "http://x/", body = "password=hunter2" }
"#;
    let expected = "the settings have 3 problems

error: `check.web.http.url` is not a URL to ask for
 |
 = note: evenkeel.toml:2: `the URL` holds a user name or password; send an `authorization` header instead

error: `check.api.http.headers.Authorization` cannot be sent
 |
 = note: evenkeel.toml:4: `Authorization` is no header, or its value holds characters that cannot be sent

error: `check.put.http.body` does not belong to GET
 |
 = note: evenkeel.toml:6: of no use here; such as: method = \"POST\"
";
    assert_eq!(refused(settings), expected);
}

#[test]
fn modules_are_checks_without_a_target() {
    let settings = r#"[module.web]
http = { max_redirects = 3, headers = { X = "y" }, server_name = "z" }
conditions = [{ field = "cert_days", below = 14 }]
targets = ["10.0.0.0/24", "*.internal"]
[module.smtp]
tcp = { expect = "^220 " }
timeout = "2s"
[module.name]
dns = { name = "db.internal", type = "MX" }
[module.docker]
http = { unix_socket = "/run/docker.sock" }
[module.socket]
unix = {}
targets = "/run/app.sock"
"#;
    let settings = load_text("evenkeel.toml", settings).unwrap();
    let names: Vec<_> = settings.modules.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["docker", "name", "smtp", "socket", "web"]);
    let web = &settings.modules[4];
    let Target::Http(http) = &web.target else { panic!("{web:?}") };
    assert!(http.scope.is_some() && http.scope == web.scope, "redirects stay within too");
    assert!(web.scope.as_ref().unwrap().admits(&web.target.aimed_at("http://10.0.0.9/").unwrap()));
    assert_eq!(settings.modules[2].timeout.as_secs(), 2);
}

#[test]
fn modules_that_cannot_be_are_refused() {
    let settings = r#"[module.none]
[module.two]
http = {}
tcp = {}
[module.aimed]
http = { url = "http://x/" }
[module.narrow]
tcp = {}
targets = ["10.0.0.*"]
[module.run]
exec = { command = ["true"] }
"#;
    let said = refused(settings);
    for expected in [
        "`module.none` must be of one kind\n --> evenkeel.toml:1:9",
        "`module.two` must be of one kind",
        "`module.aimed.http.url` is not for a module to say\n --> evenkeel.toml:6:16",
        "`module.narrow.targets[0]` is no place\n --> evenkeel.toml:9:12",
        "unknown key `exec` in `module.run`",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
