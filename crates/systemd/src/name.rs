//! Names of units.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The longest name that systemd takes.
const MAX_BYTES: usize = 255;
/// How names end. Source: `systemd.unit(5)`.
const SUFFIXES: [&str; 11] = [
    "service",
    "socket",
    "target",
    "device",
    "mount",
    "automount",
    "swap",
    "timer",
    "path",
    "slice",
    "scope",
];

/// The full name of one unit, such as `nginx.service` or `getty@tty1.service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(String);

/// What cannot be the name of a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitNameError {
    /// Nothing was written.
    #[error("a unit's name cannot be empty")]
    Empty,
    /// A character that no name has.
    #[error("a unit's name cannot contain {character:?}")]
    Character {
        /// The first one.
        character: char,
    },
    /// Longer than 255 bytes.
    #[error("a unit's name has at most {MAX_BYTES} bytes")]
    TooLong,
    /// The name of a template, such as `getty@.service`, of which only instances run.
    #[error("`{name}` is a template; name one of its instances, such as `{}`", example(name))]
    Template {
        /// The name.
        name: String,
    },
}

impl UnitName {
    /// Completes a name as `systemctl` does: `nginx` means `nginx.service`, `/srv/data` means `srv-data.mount`.
    ///
    /// Fails for what no unit can be called, for patterns, and for templates without an instance.
    pub fn try_new(text: &str) -> Result<Self, UnitNameError> {
        let name = if text.starts_with('/') { of_path(text) } else { completed(text)? };
        if name.len() > MAX_BYTES {
            return Err(UnitNameError::TooLong);
        }
        match name.split_once('@') {
            Some((_, rest)) if rest.starts_with('.') && SUFFIXES.contains(&&rest[1..]) => {
                Err(UnitNameError::Template { name })
            }
            _ => Ok(Self(name)),
        }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The template that it is an instance of: `getty@.service` for `getty@tty1.service`.
    pub fn template(&self) -> Option<String> {
        let (prefix, rest) = self.0.split_once('@')?;
        let (_, suffix) = rest.rsplit_once('.')?;
        Some(format!("{prefix}@.{suffix}"))
    }

    /// Where systemd's bus has the unit.
    pub(crate) fn object_path(&self) -> String {
        let mut path = String::from("/org/freedesktop/systemd1/unit/");
        for (index, byte) in self.0.bytes().enumerate() {
            if byte.is_ascii_alphabetic() || index > 0 && byte.is_ascii_digit() {
                path.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(path, "_{byte:02x}");
            }
        }
        path
    }
}

/// The name of the unit that mounts at `path`, or that stands for the device. Source: `systemd-escape(1)`, `--path`.
fn of_path(path: &str) -> String {
    let suffix = if path.starts_with("/dev/") { "device" } else { "mount" };
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let joined = parts.join("/");
    let mut name = String::new();
    for (index, byte) in joined.bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if index > 0 => name.push('.'),
            b':' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => name.push(char::from(byte)),
            other => drop(write!(name, "\\x{other:02x}")),
        }
    }
    if name.is_empty() {
        name.push('-');
    }
    format!("{name}.{suffix}")
}

fn completed(text: &str) -> Result<String, UnitNameError> {
    if text.is_empty() {
        return Err(UnitNameError::Empty);
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || ":-_.\\@".contains(char);
    if let Some(character) = text.chars().find(|char| !allowed(*char)) {
        return Err(UnitNameError::Character { character });
    }
    // It could only be an option that was meant for `systemctl`, or an instance of nothing.
    if let Some(character) = text.chars().next().filter(|first| "-.@".contains(*first)) {
        // `-.mount` and `-.slice` are the roots of their trees.
        if !matches!(text, "-.mount" | "-.slice") {
            return Err(UnitNameError::Character { character });
        }
    }
    let complete = text.rsplit_once('.').is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix));
    Ok(if complete { text.to_owned() } else { format!("{text}.service") })
}

fn example(template: &str) -> String {
    template.replacen("@.", "@NAME.", 1)
}

impl fmt::Display for UnitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for UnitName {
    type Err = UnitNameError;

    fn from_str(text: &str) -> Result<Self, UnitNameError> {
        Self::try_new(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(UnitName::try_new(text).unwrap().as_str(), expected);
    }

    #[test]
    fn a_name_is_completed_as_systemctl_does() {
        check("nginx", "nginx.service");
        check("nginx.service", "nginx.service");
        check("php8.2-fpm", "php8.2-fpm.service");
        check("getty@tty1", "getty@tty1.service");
        check("docker.socket", "docker.socket");
        check("-.mount", "-.mount");
    }

    #[test]
    fn a_path_means_its_mount_or_device() {
        check("/", "-.mount");
        check("/srv//data/", "srv-data.mount");
        check("/srv/my-data", "srv-my\\x2ddata.mount");
        check("/dev/sda1", "dev-sda1.device");
        check("/.hidden/é", "\\x2ehidden-\\xc3\\xa9.mount");
    }

    #[test]
    fn what_no_unit_is_called_is_refused() {
        let refused = |text: &str| UnitName::try_new(text).unwrap_err().to_string();
        assert_eq!(refused(""), "a unit's name cannot be empty");
        assert_eq!(refused("a b"), "a unit's name cannot contain ' '");
        assert_eq!(refused("web*"), "a unit's name cannot contain '*'");
        assert_eq!(refused("--now"), "a unit's name cannot contain '-'");
        assert_eq!(refused("web\n"), "a unit's name cannot contain '\\n'");
        assert_eq!(refused(&"x".repeat(300)), "a unit's name has at most 255 bytes");
        assert_eq!(
            refused("getty@"),
            "`getty@.service` is a template; name one of its instances, such as `getty@NAME.service`"
        );
    }

    #[test]
    fn an_instance_knows_its_template() {
        let template = |name| UnitName::try_new(name).unwrap().template();
        assert_eq!(template("getty@tty1"), Some("getty@.service".to_owned()));
        assert_eq!(template("postgresql@15-main.service"), Some("postgresql@.service".to_owned()));
        assert_eq!(template("cron"), None);
    }

    #[test]
    fn the_path_on_the_bus_is_the_one_that_systemd_gives() {
        let path = |name| UnitName::try_new(name).unwrap().object_path();
        assert_eq!(path("supervisor"), "/org/freedesktop/systemd1/unit/supervisor_2eservice");
        assert_eq!(path("9p-a@b_c"), "/org/freedesktop/systemd1/unit/_39p_2da_40b_5fc_2eservice");
    }

    proptest! {
        #[test]
        fn a_full_name_means_itself(text in "[a-z/.@*\\\\ -]{0,12}") {
            if let Ok(name) = UnitName::try_new(&text) {
                prop_assert_eq!(UnitName::try_new(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().len() <= MAX_BYTES);
            }
        }

        #[test]
        fn different_units_are_at_different_places(one in "[a-z0-9_.@:-]{1,6}", other in "[a-z0-9_.@:-]{1,6}") {
            if let (Ok(one), Ok(other)) = (UnitName::try_new(&one), UnitName::try_new(&other)) {
                prop_assert_eq!(one == other, one.object_path() == other.object_path());
            }
        }
    }
}
