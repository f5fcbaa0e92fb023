/// A fact that a good measurement of a kind of target always has, and that conditions may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name, with the unit if there is one.
    pub name: &'static str,
    /// What its values are.
    pub kind: FieldKind,
    /// What it says, in a few words.
    pub help: &'static str,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number.
    Number,
    /// A text.
    Text,
}

/// How the field of a response's header begins: `header.server`.
pub(crate) const HEADER_FIELD: &str = "header.";

pub(crate) const BODY: &str = "body";
pub(crate) const RESPONSE: &str = "response";
pub(crate) const STATUS: &str = "status";
pub(crate) const SHA256: &str = "sha256";
pub(crate) const EXIT_CODE: &str = "exit_code";
pub(crate) const UNCHANGED: &str = "unchanged_seconds";
pub(crate) const MEMORY: &str = "memory_bytes";
pub(crate) const STATES: [&str; 2] = ["active_state", "sub_state"];
pub(crate) const RSS: &str = "rss_bytes";
pub(crate) const TREE_RSS: &str = "tree_rss_bytes";
pub(crate) const TREE_PSS: &str = "tree_pss_bytes";

const fn number(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Number, help }
}

const fn text(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, help }
}

const LATENCY: Field = number("latency_ms", "from the first step to the last");
const RESOLVE: Field = number("resolve_ms", "looking up the name; 0 for an address");
const CONNECT: Field = number("connect_ms", "connecting");

const TLS: Field = number("tls_ms", "the TLS handshake; 0 without TLS");
const IP: Field = text("ip", "the address that was connected to; empty for a Unix socket");
pub(crate) const CERTIFICATE: [Field; 3] = [
    number("cert_days", "until the first certificate of the chain expires; https alone"),
    number("cert_expiry_seconds", "when that is, in seconds of Unix time; https alone"),
    text("cert_subject", "whose certificate it is, as in `CN=example.org`; https alone"),
];
const ANSWERED: Field = text(RESPONSE, "what was answered, up to 16 KiB");

/// Times are sums over all requests of a chain of redirects; the rest is of the last one.
pub(crate) const HTTP: &[Field] = &[
    number(STATUS, "status code of the response"),
    LATENCY,
    RESOLVE,
    CONNECT,
    TLS,
    number("processing_ms", "from the request to the head of the response"),
    number("transfer_ms", "reading the body"),
    number("body_bytes", "length of the body, up to `max_body`"),
    text(BODY, "the body, up to `max_body`"),
    text("content_type", "media type of the response; empty if it has none"),
    text("location", "where a redirect points that is not followed; empty if nowhere"),
    number("redirects", "how many redirects were followed"),
    text("http_version", "`1.0` or `1.1`"),
    IP,
    CERTIFICATE[0],
    CERTIFICATE[1],
    CERTIFICATE[2],
];

pub(crate) const TCP: &[Field] =
    &[LATENCY, RESOLVE, CONNECT, TLS, IP, ANSWERED, CERTIFICATE[0], CERTIFICATE[1], CERTIFICATE[2]];

pub(crate) const UNIX: &[Field] = &[LATENCY, CONNECT, ANSWERED];

pub(crate) const DNS: &[Field] = &[
    LATENCY,
    number("answers", "how many records answer"),
    text("answer", "their values in order, as in `192.0.2.1, 192.0.2.2`"),
];

pub(crate) const EXEC: &[Field] = &[
    number(EXIT_CODE, "exit code of the command; -1 if a signal ended it"),
    LATENCY,
    text("stdout", "first part of its standard output, trimmed"),
    text("stderr", "first part of its standard error, trimmed"),
];

/// Those of cgroups and of pressure are there where the kernel measures them.
pub(crate) const PROCESS: &[Field] = &[
    number("pid", "the process; of several, the oldest"),
    number("processes", "how many processes match"),
    number("rss_bytes", "resident memory; of several, each shared page counted once"),
    number("pss_bytes", "resident memory, shared pages in equal parts; what adds up over several"),
    number("swap_bytes", "memory swapped out"),
    number("threads", "threads"),
    number("children", "child processes"),
    number("fds", "open descriptors"),
    number("age_seconds", "since it was started; of several, the oldest"),
    number("start_time_seconds", "when it was started, in seconds of Unix time"),
    text("state", "`running`, `sleeping`, `disk-sleep`, `stopped` …; of several, of the oldest"),
    text("incarnation", "changes whenever the process was started anew"),
    text("unit", "the unit of systemd it belongs to"),
    text("cgroup", "the cgroup that its memory is counted in"),
    number("cgroup_memory_bytes", "memory of that cgroup, page cache included"),
    number("cgroup_memory_limit_bytes", "how much that cgroup may have"),
    number("cgroup_oom_kills", "processes of that cgroup that the kernel ended for want of memory"),
    number("psi_memory_some_avg10", "percent of 10 s in which a task waited for memory"),
    number("psi_cpu_some_avg10", "percent of 10 s in which a task waited for a processor"),
    number("psi_io_some_avg10", "percent of 10 s in which a task waited for input or output"),
    text("psi_of", "whose pressure that is: of its `cgroup`, or of the `host`"),
];

pub(crate) const SUPERVISOR: &[Field] = &[
    LATENCY,
    number("programs", "how many programs were chosen"),
    number("running", "how many of them run"),
    number("failed", "how many of them are down without having been told to"),
    text("daemon", "`answers`; else `killed`, `absent`, `socket-deleted`, `frozen` or `silent`"),
];

/// Of each program of a supervisor that runs.
pub(crate) const PROGRAM: &[Field] = &[
    text("state", "its state, such as `RUNNING`"),
    number("pid", "its process"),
    number("exit_status", "how it exited last; -1 if a signal ended it"),
    number("uptime_seconds", "since it was started"),
    number("started", "when it was started last, in seconds since 1970; 0 if it never was"),
    text("incarnation", "changes whenever it was started anew"),
    number(RSS, "resident memory of its process"),
    number(
        TREE_RSS,
        "resident memory of its process and all below it, shared pages counted for each",
    ),
    number(TREE_PSS, "memory of its process and all below it, shared pages counted once"),
];

pub(crate) const SYSTEMD: &[Field] = &[
    LATENCY,
    text(
        "active_state",
        "`active`, `inactive`, `failed`, `activating`, `deactivating` or `reloading`",
    ),
    text(
        "sub_state",
        "the state in the words of its kind of unit, such as `running` or `auto-restart`",
    ),
    text("load_state", "`loaded`, `masked`, `bad-setting` or `error`"),
    text("result", "how its last run went: `success`, `exit-code`, `signal`, `start-limit-hit`, …"),
    number("restarts", "restarts by systemd itself since it was last started by someone"),
    number("main_pid", "its main process; 0 if there is none"),
    number("state_seconds", "how long it is in this state"),
    text("invocation_id", "names this very run of it; empty if it was never started"),
    number(MEMORY, "memory of all its processes; where systemd accounts it"),
];

pub(crate) const TMUX: &[Field] = &[
    LATENCY,
    number("sessions", "how many sessions were chosen"),
    number("panes", "how many panes they have"),
    number("dead", "how many of them are dead"),
    number("server_pid", "the server's process; 0 if no pane was chosen"),
];

/// What each pane that works has.
pub(crate) const PANE: &[Field] = &[
    text("state", "of each pane: `ok`, `dead` or `stalled`"),
    number("pid", "of each pane: the process that was started in it"),
    number(UNCHANGED, "of each pane: how long it has shown the same"),
];

pub(crate) const FILE: &[Field] = &[
    text("type", "`file`, `directory`, `symlink`, `socket`, `fifo` or `device`"),
    number("size_bytes", "size"),
    number("age_seconds", "since it was last written; 0 if that lies ahead"),
    text("mode", "permission bits, as in `0644`"),
    text("owner", "name of the owner, or the number if it has none"),
    text("group", "name of the group, or the number if it has none"),
    number("uid", "number of the owner"),
    number("gid", "number of the group"),
    number("links", "number of hard links"),
    text(SHA256, "SHA-256 of its content, up to 64 MiB; where a condition judges it"),
];

/// Those of inodes are there where the file system has a number of them.
pub(crate) const DISK: &[Field] = &[
    number("used_percent", "blocks in use, as `df` counts: without those reserved for root"),
    number("available_bytes", "what others than root may still write"),
    number("total_bytes", "its size"),
    number("inodes_used_percent", "inodes in use"),
    number("inodes_available", "inodes that are left"),
    text("read_only", "`true` or `false`"),
];
