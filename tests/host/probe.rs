//! `evenkeel-probe` as it is used: from a shell, in a namespace without a network, beside the blackbox exporter.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_tests::{
    Daemon, Finished, LONG, Samples, Scratch, find_bin, free_port, get, get_as, installed, is_root,
    run, until,
};
use nix::sys::signal::Signal;

/// An endpoint that redirects once and then answers, as long as the test runs.
fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 2048];
            let length = stream.read(&mut head).unwrap_or_default();
            let answer = if head[..length].starts_with(b"GET /start ") {
                "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// An exporter of probes, and where it listens.
struct Exporter {
    address: SocketAddr,
    _daemon: Daemon,
}

impl Exporter {
    fn start(
        name: &str,
        program: impl AsRef<Path>,
        flag: &str,
        args: &[&str],
        scratch: &Scratch,
    ) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listen = format!("{flag}={address}");
        let args = args.iter().copied().chain([listen.as_str()]);
        let log = scratch.join(&format!("{name}.log"));
        let daemon = Daemon::start(name, program.as_ref(), args, &log);
        until(&format!("{name} listens"), LONG, || get(address, "/").is_ok());
        Self { address, _daemon: daemon }
    }

    fn evenkeel(scratch: &Scratch, settings: &str) -> Self {
        let path = scratch.file("probe.toml", settings, 0o644).display().to_string();
        let args = ["serve", "--config", &path];
        Self::start("evenkeel-probe", find_bin("evenkeel-probe"), "--listen", &args, scratch)
    }

    #[track_caller]
    fn probe(&self, module: &str, target: &str) -> String {
        let path = format!("/probe?module={module}&target={target}");
        let answer = get(self.address, &path).expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

fn names(page: &str) -> BTreeSet<String> {
    let series = page.lines().filter(|line| !line.starts_with('#'));
    series.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

const MODULES: &str = "[module.http_2xx]\nhttp = { max_redirects = 5 }\n[module.tcp_connect]\ntcp = {}\n\
    [module.banner]\ntcp = { expect = \"^SSH-\" }\ntimeout = \"2s\"\n\
    [module.lookup]\ndns = { name = \"localhost\" }\ntimeout = \"500ms\"\n";

#[test]
fn pages_of_probes_pass_promtool() {
    if !installed("promtool") {
        return;
    }
    let scratch = Scratch::new();
    let exporter = Exporter::evenkeel(&scratch, MODULES);
    let web = endpoint();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (silent, closed) = (silent.local_addr().unwrap(), free_port());
    for (module, target, success) in [
        ("http_2xx", format!("{web}/start"), 1.0),
        ("http_2xx", format!("http://127.0.0.1:{closed}/"), 0.0),
        ("tcp_connect", silent.to_string(), 1.0),
        ("banner", web.to_string(), 0.0),
        ("lookup", format!("127.0.0.1:{closed}"), 0.0),
    ] {
        let page = exporter.probe(module, &target);
        assert_eq!(Samples::parse(&page).sum("probe_success", &[]), Some(success), "{page}");
        let file = scratch.file("page", &page, 0o644);
        let command = format!("promtool check metrics < '{}'", file.display());
        let checked = run("sh", ["-c", &command], None);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{checked:?}\n{page}");
    }
}

#[test]
fn the_blackbox_exporter_says_the_same_under_the_same_names() {
    const PEER: &str = "prometheus-blackbox-exporter";
    if !installed(PEER) {
        return;
    }
    let scratch = Scratch::new();
    let config = "modules:\n  http_2xx:\n    prober: http\n  tcp_connect:\n    prober: tcp\n";
    let config = format!("--config.file={}", scratch.file("peer.yml", config, 0o644).display());
    let theirs = Exporter::start(PEER, PEER, "--web.listen-address", &[&config], &scratch);
    let ours = Exporter::evenkeel(&scratch, MODULES);
    let web = endpoint();
    let closed = format!("127.0.0.1:{}", free_port());
    for (module, target) in [
        ("http_2xx", format!("http://{web}/start")),
        ("http_2xx", format!("http://{closed}/")),
        ("tcp_connect", web.to_string()),
        ("tcp_connect", closed.clone()),
    ] {
        let (their_page, our_page) = (theirs.probe(module, &target), ours.probe(module, &target));
        let missing: Vec<_> = names(&their_page).difference(&names(&our_page)).cloned().collect();
        assert_eq!(missing, [""; 0], "{target}: {their_page}");
        let (their, our) = (Samples::parse(&their_page), Samples::parse(&our_page));
        for name in names(&their_page) {
            // Times are never the same.
            if !name.ends_with("_seconds") {
                assert_eq!(our.sum(&name, &[]), their.sum(&name, &[]), "{name} of {target}");
            }
        }
        for phase in ["resolve", "connect", "tls", "processing", "transfer"] {
            let phase = [("phase", phase)];
            let of = |page: &Samples| page.sum("probe_http_duration_seconds", &phase).is_some();
            assert_eq!(of(&our), of(&their), "{phase:?} of {target}");
        }
    }
}

#[test]
fn a_page_in_a_browser_cannot_probe_from_here() {
    let scratch = Scratch::new();
    let exporter = Exporter::evenkeel(&scratch, MODULES);
    let path = format!("/probe?module=http_2xx&target={}", endpoint());
    let address = exporter.address;
    assert_eq!(get(address, &path).unwrap().status, 200);
    for path in [path.as_str(), "/"] {
        let refused = get_as("rebound.example", address, path).unwrap();
        assert_eq!(refused.status, 403);
        assert!(!refused.body.contains("probe_"), "{refused:?}");
    }
}

#[track_caller]
fn unknown(finished: &Finished, said: &str) {
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.stdout.contains("is unknown") && finished.stdout.contains(said),
        "{finished:?}"
    );
}

#[test]
fn a_host_without_a_route_knows_nothing_of_others() {
    if !installed("unshare") || !is_root() {
        return;
    }
    let probe = find_bin("evenkeel-probe").display().to_string();
    for target in [
        &["tcp", "192.0.2.1:80"][..],
        &["http", "http://192.0.2.1/"],
        &["dns", "x", "--server", "192.0.2.53"],
    ] {
        let args = [&["--net", &probe], target].concat();
        unknown(&run("unshare", args, None), "unreachable");
    }
}

#[test]
fn a_process_without_descriptors_knows_nothing_of_others() {
    let probe = find_bin("evenkeel-probe").display().to_string();
    let address = endpoint();
    // With fewer than eight the runtime itself does not come about.
    let mut seen = BTreeSet::new();
    for limit in 8..16 {
        let command = format!("ulimit -n {limit}; exec '{probe}' tcp {address}");
        let finished = run("sh", ["-c", &command], None);
        // Never that the target is down; and at some limit it is seen to be up.
        assert!(matches!(finished.code, Some(0 | 3)), "{limit}: {finished:?}");
        seen.insert(finished.code);
    }
    assert_eq!(seen, [Some(0), Some(3)].into());
}

#[test]
fn a_lookup_has_a_deadline_of_its_own() {
    if !installed("unshare") || !installed("ip") || !is_root() {
        return;
    }
    let scratch = Scratch::new();
    // A name server at an address where nothing answers and nothing refuses.
    let resolv = scratch.file(
        "resolv.conf",
        "nameserver 192.0.2.53\noptions timeout:30 attempts:5\n",
        0o644,
    );
    let command = format!(
        "mount --bind '{}' /etc/resolv.conf && ip link set lo up && ip route add 192.0.2.0/24 dev lo && \
         exec '{}' http http://db.example/ --timeout 30s --dns-timeout 300ms",
        resolv.display(),
        find_bin("evenkeel-probe").display()
    );
    let begun = Instant::now();
    let finished = run("unshare", ["--net", "--mount", "sh", "-c", &command], None);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("`db.example` was not resolved within 300ms"), "{finished:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn ctrl_c_ends_a_probe_and_the_command_that_it_runs() {
    let scratch = Scratch::new();
    let pidfile = scratch.join("pid");
    let script =
        format!("echo $$ > '{}.new'; mv '{0}.new' '{0}'; exec sleep 100000", pidfile.display());
    let args = ["exec", "--timeout", "1h", "--", "sh", "-c", &script];
    let mut probe =
        Daemon::start("evenkeel-probe", find_bin("evenkeel-probe"), args, &scratch.join("log"));
    until("the command runs", LONG, || pidfile.exists());
    let pid = std::fs::read_to_string(&pidfile).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());
    probe.signal(Signal::SIGINT);
    assert_eq!(probe.wait(LONG).code(), Some(3), "{}", probe.log());
    until("the command is gone", LONG, || !process.exists());
}
