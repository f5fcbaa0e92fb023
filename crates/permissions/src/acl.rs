use std::fmt;
use std::str::FromStr;

use crate::policy::Principal;

/// What a policy says about access control lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AclPolicy {
    /// They are not looked at. A mode still bounds whoever a list names, because its group digit is the list's mask.
    #[default]
    Ignore,
    /// An entry that has a list is told about, and left as it is.
    Report,
    /// Each entry that gets a mode has these entries in its list and no others; none at all means no list.
    Enforce(Vec<AclEntry>),
}

/// One entry of a list, as `setfacl` writes it: `user:alice:r-X`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    /// Whom it is about.
    pub who: AclWho,
    /// Read, write, execute as in one digit of a mode.
    pub rights: u8,
    /// `X`: execute too, on directories.
    pub search: bool,
}

/// Whom an entry of a list is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclWho {
    /// The owner: `user::`.
    Owner,
    /// A user.
    User(Principal),
    /// The owning group: `group::`.
    OwningGroup,
    /// A group.
    Group(Principal),
    /// All others: `other::`.
    Other,
}

/// A text that is no entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AclError {
    message: &'static str,
}

impl AclEntry {
    /// What would be accepted.
    pub const ACCEPTED: &'static str = "such as `user:alice:r--`, `group:ops:rwX` or `other::r-x`";

    /// The rights on an entry, which is a directory or a file.
    pub fn rights_on(&self, directory: bool) -> u8 {
        if self.search && directory { self.rights | 1 } else { self.rights }
    }
}

impl FromStr for AclEntry {
    type Err = AclError;

    fn from_str(text: &str) -> Result<Self, AclError> {
        let refuse = |message| Err(AclError { message });
        let mut parts = text.split(':');
        let (Some(tag), Some(name), Some(rights), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return refuse("not three parts with `:` between them");
        };
        let who = match (tag, name) {
            ("user" | "u", "") => AclWho::Owner,
            ("user" | "u", name) => AclWho::User(Principal::from(name)),
            ("group" | "g", "") => AclWho::OwningGroup,
            ("group" | "g", name) => AclWho::Group(Principal::from(name)),
            ("other" | "o", "") => AclWho::Other,
            ("other" | "o", _) => return refuse("`other` has no name"),
            ("mask" | "m", _) => {
                return refuse(
                    "the mask is the group digit of the mode, or follows from the entries",
                );
            }
            ("default" | "d", _) => return refuse("default entries are written as `default_acl`"),
            _ => return refuse("starts with neither `user`, `group` nor `other`"),
        };
        let Some((rights, search)) = rights_of(rights) else {
            return refuse("its rights are not made of `r`, `w`, `x`, `X` and `-`");
        };
        Ok(Self { who, rights, search })
    }
}

impl fmt::Display for AclEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            AclWho::Owner => write!(formatter, "user::"),
            AclWho::User(user) => write!(formatter, "user:{user}:"),
            AclWho::OwningGroup => write!(formatter, "group::"),
            AclWho::Group(group) => write!(formatter, "group:{group}:"),
            AclWho::Other => write!(formatter, "other::"),
        }?;
        let letter = |bit: u8, letter| if self.rights & bit == 0 { '-' } else { letter };
        let execute = if self.search { 'X' } else { letter(1, 'x') };
        write!(formatter, "{}{}{execute}", letter(4, 'r'), letter(2, 'w'))
    }
}

fn rights_of(text: &str) -> Option<(u8, bool)> {
    let (mut rights, mut search) = (0_u8, false);
    for letter in text.chars() {
        match letter {
            'r' => rights |= 4,
            'w' => rights |= 2,
            'x' => rights |= 1,
            'X' => search = true,
            '-' => {}
            _ => return None,
        }
    }
    let once = text.chars().filter(|letter| *letter != '-').count();
    let set = rights.count_ones() as usize + usize::from(search);
    (!text.is_empty() && once == set).then_some((rights, search))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_as_setfacl_has_them() {
        for (text, shown) in [
            ("user:alice:r--", "user:alice:r--"),
            ("u:1000:rwX", "user:1000:rwX"),
            ("g:ops:rw", "group:ops:rw-"),
            ("group::r-x", "group::r-x"),
            ("o::-", "other::---"),
        ] {
            assert_eq!(text.parse::<AclEntry>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in [
            "",
            "alice",
            "user:alice",
            "user:alice:",
            "user:alice:rq-",
            "user:alice:rr",
            "other:bob:r",
            "mask::r",
            "default:user:alice:r",
            "user:alice:r:w",
        ] {
            assert!(text.parse::<AclEntry>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_large_x_is_for_directories() {
        let entry: AclEntry = "group:ops:r-X".parse().unwrap();
        assert_eq!((entry.rights_on(false), entry.rights_on(true)), (4, 5));
    }
}
