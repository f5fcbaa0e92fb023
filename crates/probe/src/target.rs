mod dns;
mod file;
mod http;
mod process;
mod stream;
mod systemd;
mod tmux;

use std::fmt;

use evenkeel_command::CommandSpec;
use hyper::Method;

use crate::field::{
    self, CERTIFICATE, EXIT_CODE, Field, FieldKind, MEMORY, RESPONSE, RSS, STATES, STATUS,
    TREE_PSS, TREE_RSS, UNCHANGED,
};
use crate::{AddressError, Condition, Endpoint, HttpUrl};

pub use dns::{DnsName, DnsTarget, RecordType, RecordTypeError};
pub use file::{DiskTarget, FileTarget};
pub(crate) use http::header_of;
pub use http::{Header, HeaderError, HttpTarget, RequestBody};
pub use process::{ProcessSelector, ProcessTarget, ProgramMemory, SupervisorTarget};
pub use stream::{ClientCertificate, Exchange, TcpTarget, TlsName, TlsOptions, UnixTarget};
pub use systemd::SystemdTarget;
pub use tmux::TmuxTarget;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// An HTTP endpoint answers.
    Http(HttpTarget),
    /// A TCP port accepts connections.
    Tcp(TcpTarget),
    /// A name resolves.
    Dns(DnsTarget),
    /// A Unix socket accepts connections.
    Unix(UnixTarget),
    /// A command succeeds.
    Exec(ExecTarget),
    /// A process lives.
    Process(ProcessTarget),
    /// A supervisord answers, and its programs run.
    Supervisor(SupervisorTarget),
    /// A unit of systemd runs.
    Systemd(SystemdTarget),
    /// A tmux server answers, and what runs in its panes lives.
    Tmux(TmuxTarget),
    /// A file system entry exists.
    File(FileTarget),
    /// A file system can be looked at.
    Disk(DiskTarget),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecTarget {
    /// What to run.
    pub command: CommandSpec,
    /// Whose rights it has, by name or number; the caller's own if none.
    pub user: Option<String>,
    /// Whether any exit code is good: off unless a condition judges `exit_code`.
    pub any_exit: bool,
}

impl Target {
    /// The word that settings use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Dns(_) => "dns",
            Self::Unix(_) => "unix",
            Self::Exec(_) => "exec",
            Self::Process(_) => "process",
            Self::Supervisor(_) => "supervisor",
            Self::Systemd(_) => "systemd",
            Self::Tmux(_) => "tmux",
            Self::File(_) => "file",
            Self::Disk(_) => "disk",
        }
    }

    /// What is measured, in a few words.
    pub fn describe(&self) -> String {
        self.to_string()
    }

    /// The facts that a good measurement has, which are those that conditions may name.
    pub fn fields(&self) -> &'static [Field] {
        Self::fields_of(self.kind()).unwrap_or_default()
    }

    /// What the values of a field are; `None` if such a target has no such field. Besides [`Target::fields`] an HTTP endpoint has
    /// `header.NAME`: a header of the response, empty if it has none of that name.
    pub fn field_kind(&self, name: &str) -> Option<FieldKind> {
        if matches!(self, Self::Http(_)) && header_of(name).is_some() {
            return Some(FieldKind::Text);
        }
        let mut fields = self.fields().iter().chain(self.part_fields());
        fields.find(|field| field.name == name).map(|field| field.kind)
    }

    /// Whether a field of its kind will never be seen of this target: a certificate where no TLS is spoken.
    pub fn never_has(&self, name: &str) -> bool {
        let sees_certificate = match self {
            Self::Http(http) => http.may_see_certificate(),
            Self::Tcp(tcp) => tcp.tls.is_some(),
            _ => true,
        };
        !sees_certificate && CERTIFICATE.iter().any(|field| field.name == name)
    }

    /// The facts that each part has that works, which conditions may name as well: they then judge part by part.
    pub fn part_fields(&self) -> &'static [Field] {
        match self {
            Self::Supervisor(_) => field::PROGRAM,
            Self::Tmux(_) => field::PANE,
            _ => &[],
        }
    }

    /// The word of each kind, as settings name it.
    pub const KINDS: [&'static str; 11] = [
        "http",
        "tcp",
        "dns",
        "unix",
        "exec",
        "process",
        "supervisor",
        "systemd",
        "tmux",
        "file",
        "disk",
    ];

    /// The fields of a kind by its word; `None` if there is no such kind.
    pub fn fields_of(kind: &str) -> Option<&'static [Field]> {
        Some(match kind {
            "http" => field::HTTP,
            "tcp" => field::TCP,
            "dns" => field::DNS,
            "unix" => field::UNIX,
            "exec" => field::EXEC,
            "process" => field::PROCESS,
            "supervisor" => field::SUPERVISOR,
            "systemd" => field::SYSTEMD,
            "tmux" => field::TMUX,
            "file" => field::FILE,
            "disk" => field::DISK,
            _ => return None,
        })
    }

    /// This target somewhere else: `place` is the URL of an `http` target (`http://` may be left out), the address of a `tcp` one, the
    /// path of a `unix` one, and the server that a `dns` one asks.
    ///
    /// Fails for a place that is none, for `https` over a Unix socket without a name for the certificate, and for other kinds.
    pub fn aimed_at(&self, place: &str) -> Result<Self, AddressError> {
        let mut aimed = self.clone();
        match &mut aimed {
            Self::Http(http) => {
                let url =
                    if place.contains("://") { place.into() } else { format!("http://{place}") };
                http.url = HttpUrl::try_new(&url)?;
                let nameless = http.unix_socket.is_some() && http.tls.server_name.is_none();
                if http.url.is_tls() && nameless {
                    return Err(AddressError::new(
                        place,
                        "needs a `server_name` over a Unix socket",
                    ));
                }
            }
            Self::Tcp(tcp) => tcp.endpoint = Endpoint::try_new(place)?,
            Self::Unix(unix) => unix.path = UnixTarget::try_new(place)?.path,
            Self::Dns(dns) => dns.server = Some(DnsTarget::parse_server(place)?),
            _ => return Err(AddressError::new(place, "is no place for such a target")),
        }
        Ok(aimed)
    }

    /// The target to measure if `conditions` are to judge what is found.
    ///
    /// What a condition judges is not judged by the default as well: a condition on `status` or `exit_code` takes the place
    /// of "2xx" or "0", one on `active_state` or `sub_state` that of "runs, unless it was stopped". And the body is kept only for a condition that reads it.
    #[must_use]
    pub fn judged_by(mut self, conditions: &[Condition]) -> Self {
        let judged = |field: &str| conditions.iter().any(|condition| condition.field == field);
        match &mut self {
            Self::Http(http) if judged(STATUS) => http.expected_status.clear(),
            Self::Tcp(TcpTarget { exchange, .. }) | Self::Unix(UnixTarget { exchange, .. }) => {
                exchange.awaited_by(conditions);
            }
            Self::Exec(exec) => exec.any_exit |= judged(EXIT_CODE),
            Self::Systemd(unit) => unit.any_state |= STATES.into_iter().any(judged),
            _ => {}
        }
        self.keeping(conditions)
    }

    /// The target to measure if `conditions` need facts of what is found, and the defaults judge it all the same: as those that
    /// make it degraded, which say nothing of what is good.
    #[must_use]
    pub fn keeping(mut self, conditions: &[Condition]) -> Self {
        let judged = |field: &str| conditions.iter().any(|condition| condition.field == field);
        match &mut self {
            Self::Http(http) => http.keep_for(conditions),
            Self::Tcp(TcpTarget { exchange, .. }) | Self::Unix(UnixTarget { exchange, .. }) => {
                exchange.keep_response |= judged(RESPONSE);
            }
            Self::Supervisor(supervisor) => {
                let needed = [
                    (RSS, ProgramMemory::Own),
                    (TREE_RSS, ProgramMemory::Tree),
                    (TREE_PSS, ProgramMemory::TreeProportional),
                ];
                let needed = needed.iter().filter(|(field, _)| judged(field));
                let most = needed.map(|(_, memory)| *memory).max().unwrap_or_default();
                supervisor.memory = supervisor.memory.max(most);
            }
            Self::Systemd(unit) => unit.needs_memory |= judged(MEMORY),
            Self::Process(process) => process.judged_by(conditions),
            Self::Tmux(tmux) => tmux.reads_contents |= judged(UNCHANGED),
            Self::File(file) => file.judged_by(conditions),
            Self::Disk(disk) => disk.judged_by(conditions),
            Self::Exec(_) | Self::Dns(_) => {}
        }
        self
    }
}

impl ExecTarget {
    /// A command that is to exit with 0.
    pub fn new(command: CommandSpec) -> Self {
        Self { command, user: None, any_exit: false }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(HttpTarget { url, method, unix_socket, .. }) => {
                if *method != Method::GET {
                    write!(formatter, "{method} ")?;
                }
                match unix_socket {
                    Some(path) => write!(formatter, "{url} over {}", path.display()),
                    None => write!(formatter, "{url}"),
                }
            }
            Self::Tcp(TcpTarget { endpoint, .. }) => write!(formatter, "tcp {endpoint}"),
            Self::Dns(DnsTarget { name, record, server: None, .. }) => {
                write!(formatter, "dns {record} {name}")
            }
            Self::Dns(DnsTarget { name, record, server: Some(server), .. }) => {
                write!(formatter, "dns {record} {name} at {server}")
            }
            Self::Unix(UnixTarget { path, .. }) => write!(formatter, "unix {}", path.display()),
            Self::Exec(ExecTarget { command, .. }) => write!(formatter, "exec {command}"),
            Self::Process(process) => write!(formatter, "{process}"),
            Self::Supervisor(SupervisorTarget { socket, .. }) => {
                write!(formatter, "supervisord at {}", socket.display())
            }
            Self::File(FileTarget { path, .. }) => write!(formatter, "file {}", path.display()),
            Self::Disk(DiskTarget { path, .. }) => write!(formatter, "disk of {}", path.display()),
            Self::Systemd(unit) => write!(formatter, "{unit}"),
            Self::Tmux(tmux) => write!(formatter, "{tmux}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Test;

    fn on(field: &str) -> Condition {
        Condition { field: field.into(), test: Test::Differs(200.into()), sustained_for: None }
    }

    #[test]
    fn the_value_of_a_header_does_not_show() {
        let mut target = HttpTarget::try_new("http://localhost/").unwrap();
        target.headers.push(Header::try_new("Authorization", "Bearer hunter2").unwrap());
        assert!(!format!("{target:?}").contains("hunter2"));
    }

    #[test]
    fn a_condition_takes_the_place_of_the_default_it_judges() {
        let target = Target::Http(HttpTarget::try_new("http://localhost/").unwrap());
        let Target::Http(plain) = target.clone().judged_by(&[on("latency_ms")]) else {
            panic!("another kind")
        };
        assert_eq!((plain.expected_status, plain.keep_body), (vec![200..=299], false));
        let Target::Http(judged) = target.judged_by(&[on("status"), on("body")]) else {
            panic!("another kind")
        };
        assert_eq!((judged.expected_status, judged.keep_body), (vec![], true));
    }

    #[test]
    fn only_a_condition_on_the_state_of_a_unit_takes_the_place_of_its_judgement() {
        let unit = evenkeel_systemd::UnitName::try_new("web").unwrap();
        let target = Target::Systemd(SystemdTarget::new(unit));
        let judged = |field| match target.clone().judged_by(&[on(field)]) {
            Target::Systemd(unit) => (unit.any_state, unit.needs_memory),
            _ => panic!("another kind"),
        };
        assert_eq!(judged("active_state"), (true, false));
        assert_eq!(judged("restarts"), (false, false));
        assert_eq!(judged("memory_bytes"), (false, true));
    }

    #[test]
    fn a_target_can_be_aimed_where_its_kind_allows() {
        let http = Target::Http(HttpTarget::try_new("http://x/").unwrap());
        let aimed = |place| http.aimed_at(place).map(|target| target.describe());
        assert_eq!(aimed("localhost:81/a").as_deref(), Ok("http://localhost:81/a"));
        assert_eq!(aimed("https://b/").as_deref(), Ok("https://b/"));
        let password = aimed("http://me:hunter2@b/").unwrap_err();
        assert!(!password.to_string().contains("hunter2"));
        assert!(aimed("file:///etc/passwd").is_err());
        let Target::Http(mut local) = http.clone() else { panic!("another kind") };
        local.unix_socket = Some("/run/x.sock".into());
        assert!(Target::Http(local).aimed_at("https://b/").is_err());
        let dns = Target::Dns(DnsTarget::new(DnsName::try_new("a.example").unwrap()));
        assert_eq!(dns.aimed_at("::1").unwrap().describe(), "dns A a.example at [::1]:53");
        assert!(Target::File(FileTarget::new("/")).aimed_at("/etc").is_err());
    }

    #[test]
    fn each_kind_has_fields_of_different_names() {
        for kind in Target::KINDS {
            let fields = Target::fields_of(kind).unwrap();
            let names: std::collections::BTreeSet<_> =
                fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), fields.len(), "{kind}");
        }
        assert_eq!(Target::fields_of("telepathy"), None);
    }
}
