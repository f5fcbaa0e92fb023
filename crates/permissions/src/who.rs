//! Who put an entry wrong.

use std::fmt;
use std::path::PathBuf;

use evenkeel_safefs::escaped;
use evenkeel_safefs::events::Who;
use serde::{Serialize, Serializer};

/// A process that changed an entry, as far as it is known.
///
/// A process that had ended before it could be looked at has its number only: that may be another's by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct By {
    /// Its number.
    pub pid: u32,
    /// The program that it ran.
    #[serde(serialize_with = "exe", skip_serializing_if = "Option::is_none")]
    pub exe: Option<PathBuf>,
    /// The user as whom it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The unit of systemd that it belonged to, such as `app.service` or `session-3.scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl By {
    /// Looks at a process that an event named; believes what it sees only if the process still runs afterwards.
    pub(crate) fn look(who: &Who) -> Self {
        let unknown = Self { pid: who.pid, exe: None, uid: None, unit: None };
        if !who.is_alive() {
            return unknown;
        }
        let seen = Self {
            exe: read_exe(who.pid),
            uid: read(who.pid, "status").and_then(|status| uid(&status)),
            unit: read(who.pid, "cgroup").and_then(|cgroup| unit(&cgroup)),
            ..unknown
        };
        if who.is_alive() { seen } else { Self { exe: None, uid: None, unit: None, ..seen } }
    }
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(exe) = &self.exe else {
            write!(formatter, "pid {}", self.pid)?;
            return match self.uid {
                Some(uid) => write!(formatter, " of uid {uid}"),
                None => formatter.write_str(", which has ended"),
            };
        };
        write!(formatter, "{} (pid {}", escaped(exe), self.pid)?;
        if let Some(uid) = self.uid {
            write!(formatter, ", uid {uid}")?;
        }
        if let Some(unit) = &self.unit {
            write!(formatter, ", {unit}")?;
        }
        formatter.write_str(")")
    }
}

#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn exe<S: Serializer>(exe: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match exe {
        Some(exe) => serializer.serialize_str(&escaped(exe)),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::disallowed_methods, reason = "/proc is the kernel's own")]
fn read_exe(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

#[expect(clippy::disallowed_methods, reason = "/proc is the kernel's own")]
fn read(pid: u32, file: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
}

/// The effective user in `/proc/PID/status`.
fn uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The unit in `/proc/PID/cgroup`: the innermost one, in the hierarchy of systemd.
fn unit(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        (controllers.is_empty() || controllers == "name=systemd").then_some(path)
    })?;
    let is_unit = |part: &&str| {
        part.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind, "service" | "scope"))
    };
    // A user names the groups below his own as he likes.
    path.rsplit('/').find(is_unit).map(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_counts() {
        assert_eq!(uid("Name:\tx\nUid:\t1000\t0\t1\t2\nGid:\t7\t7\t7\t7\n"), Some(0));
        assert_eq!(uid("Name:\tx\n"), None);
    }

    #[test]
    fn the_innermost_unit_counts() {
        let check = |cgroup: &str, expected: Option<&str>| {
            assert_eq!(unit(cgroup).as_deref(), expected, "{cgroup}");
        };
        check("0::/system.slice/app.service\n", Some("app.service"));
        check("0::/system.slice/app.service/payload\n", Some("app.service"));
        check("0::/user.slice/user-7.slice/user@7.service/app.slice/x.scope\n", Some("x.scope"));
        check("9:cpu:/cpu.service\n1:name=systemd:/a.service\n0::/\n", Some("a.service"));
        check("0::/\n", None);
        check("0::/user.slice/\u{1b}[2J.scope\n", Some("\\u{1b}[2J.scope"));
        check("nonsense", None);
    }

    #[test]
    fn what_is_known_is_said() {
        let by = By { pid: 7, exe: None, uid: None, unit: None };
        assert_eq!(by.to_string(), "pid 7, which has ended");
        let by = By { uid: Some(3), ..by };
        assert_eq!(by.to_string(), "pid 7 of uid 3");
        let by = By { exe: Some("/bin/a\nb".into()), ..by };
        assert_eq!(by.to_string(), "/bin/a\\nb (pid 7, uid 3)");
        let by = By { unit: Some("app.service".to_owned()), ..by };
        assert_eq!(by.to_string(), "/bin/a\\nb (pid 7, uid 3, app.service)");
        assert_eq!(
            serde_json::to_string(&by).unwrap(),
            r#"{"pid":7,"exe":"/bin/a\\nb","uid":3,"unit":"app.service"}"#
        );
    }
}
