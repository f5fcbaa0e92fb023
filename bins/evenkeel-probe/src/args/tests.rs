use clap::CommandFactory;

use super::*;

fn target(words: &[&str]) -> Result<(Target, Vec<Condition>, Vec<Condition>), String> {
    let words = ["evenkeel-probe"].iter().chain(words);
    let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
    args.target().map_err(|failure| failure.to_string())
}

#[test]
fn the_flags_do_not_contradict_each_other() {
    Args::command().debug_assert();
}

#[test]
fn each_kind_of_target_can_be_typed() {
    for (words, shown) in [
        (&["http", "http://localhost/health"][..], "http://localhost/health"),
        (&["http", "http://localhost/", "--method", "HEAD"], "HEAD http://localhost/"),
        (
            &["http", "http://docker/v1/_ping", "--unix-socket", "/run/docker.sock"],
            "http://docker/v1/_ping over /run/docker.sock",
        ),
        (&["http", "http://x/", "--body", "{}"], "POST http://x/"),
        (&["tcp", "[::1]:22"], "tcp [::1]:22"),
        (&["tcp", "x:443", "--tls", "--expect", "cert_days>14"], "tcp x:443"),
        (&["unix", "/run/x.sock", "--send", r"PING\r\n"], "unix /run/x.sock"),
        (&["dns", "Example.org."], "dns A example.org"),
        (&["dns", "x", "--type", "mx", "--server", "192.0.2.53"], "dns MX x at 192.0.2.53:53"),
        (&["exec", "--", "test", "-e", "/"], "exec test -e /"),
        (&["exec", "--env", "A=b=c", "--user", "root", "--", "env"], "exec env"),
        (&["process", "--name", "sh", "--user", "root"], "process `sh` of user `root`"),
        (
            &["process", "--supervisor-socket", "/run/s.sock"],
            "process of supervisord at /run/s.sock",
        ),
        (
            &["process", "--unit", "cron", "--tree"],
            "processes of `cron.service` and those below it",
        ),
        (&["process", "--cgroup", "/a/b"], "processes in cgroup `/a/b`"),
        (&["process", "--program", "web", "--url", "/run/s.sock"], "process of program `web`"),
        (&["supervisor", "--url", "unix:///run/s.sock"], "supervisord at /run/s.sock"),
        (&["disk", "/", "--expect", "inodes_available>10"], "disk of /"),
        (&["systemd", "nginx", "--expect", "restarts<5"], "unit nginx.service"),
        (&["tmux", "jobs", "--user", "app", "--session", "w*"], "tmux at `jobs` of user `app`"),
        (&["tmux", "/run/t.sock"], "tmux at /run/t.sock"),
        (&["file", "/etc/hosts", "--expect", "mode=0644"], "file /etc/hosts"),
    ] {
        assert_eq!(target(words).map(|(target, ..)| target.describe()).as_deref(), Ok(shown));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for words in [
        &["tcp", "localhost"][..],
        &["http", "localhost"],
        &["http", "http://localhost/", "--header", "nonsense"],
        &["http", "http://localhost/", "--method", "GET IT"],
        &["http", "http://localhost/", "--client-cert", "/x.pem"],
        &["http", "http://localhost/", "--server-name", "x"],
        &["http", "http://localhost/", "--expect", "cert_days>14"],
        &["http", "http://localhost/", "--expect", "header.a b=c"],
        &["http", "http://localhost/", "--unix-socket", "x.sock"],
        &["http", "http://localhost/", "--body", "x", "--method", "GET"],
        &["tcp", "localhost:1", "--expect", "cert_days>14"],
        &["tcp", "localhost:1", "--ca-file", "/x.pem"],
        &["unix", "relative.sock"],
        &["unix", "/x.sock", "--send", r"\q"],
        &["dns", "a..b"],
        &["dns", "x", "--type", "MX"],
        &["dns", "x", "--type", "Q"],
        &["dns", "x", "--answer", "not an address"],
        &["process"],
        &["process", "--pid", "1", "--name", "sh"],
        &["process", "--pid", "1", "--user", "root"],
        &["process", "--program", "web"],
        &["process", "--unit", "x", "--cgroup", "/y"],
        &["process", "--pid", "1", "--url", "/run/s.sock"],
        &["supervisor", "--url", "http://localhost:9001"],
        &["supervisor", "--url", "/run/s.sock", "--program", "a["],
        &["systemd", "web*"],
        &["tmux", "/run/t.sock", "--user", "app"],
        &["tmux", "jobs", "--session", "w["],
        &["tcp", "localhost:1", "--expect", "status=200"],
        &["tcp", "localhost:1", "--timeout", "soon"],
        &["tcp", "localhost:1", "--json", "--nagios"],
    ] {
        assert!(target(words).is_err(), "{words:?}");
    }
}

#[test]
fn a_secret_in_a_header_is_not_repeated() {
    let error = target(&["http", "http://localhost/", "--header", "token hunter2"]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn what_should_hold_takes_the_place_of_nothing_that_must() {
    let url = "http://localhost/";
    let words = ["http", url, "--prefer", "status=200", "--prefer", "header.x=y"];
    let (wished, down, degraded) = target(&words).unwrap();
    assert_eq!((down.len(), degraded.len()), (0, 2));
    let (plain, ..) = target(&["http", url]).unwrap();
    let (judged, ..) = target(&["http", url, "--expect", "status=200"]).unwrap();
    let statuses = |target: Target| match target {
        Target::Http(http) => http.expected_status.len(),
        other => panic!("{other}"),
    };
    assert_eq!(statuses(wished), statuses(plain));
    assert_eq!(statuses(judged), 0, "a condition on the status judges it");
}
