//! What access control lists should be, by numbers. Pure.

use std::fmt;

use evenkeel_safefs::{Acl, Wish};

use crate::acl::AclEntry;

/// Whom an entry is about, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Owner,
    User(u32),
    OwningGroup,
    Group(u32),
    Other,
}

/// An entry of a policy with the number behind its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) who: Who,
    pub(crate) entry: AclEntry,
}

/// The lists of one entry; read only where a policy looks at them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) access: Option<Acl>,
    pub(crate) default: Option<Acl>,
}

/// What one list of an entry should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum WantedList {
    /// Nothing is said about it.
    #[default]
    Any,
    /// There should be none.
    Absent,
    /// It should be this one.
    Exactly(Acl),
}

/// What both lists of an entry should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WantedLists {
    pub(crate) access: WantedList,
    pub(crate) default: WantedList,
}

impl WantedLists {
    pub(crate) fn wishes(&self) -> evenkeel_safefs::Lists<'_> {
        evenkeel_safefs::Lists { access: self.access.wish(), default: self.default.wish() }
    }
}

impl WantedList {
    pub(crate) fn holds(&self, found: Option<&Acl>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Exactly(acl) => found == Some(acl),
        }
    }

    fn wish(&self) -> Wish<'_> {
        match self {
            Self::Any => Wish::Leave,
            Self::Absent => Wish::Remove,
            Self::Exactly(acl) => Wish::Set(acl),
        }
    }
}

/// As people read it: `none`, or as `getfacl` has it.
impl fmt::Display for WantedList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Absent => formatter.write_str("none"),
            Self::Exactly(acl) => acl.fmt(formatter),
        }
    }
}

impl From<Option<Acl>> for WantedList {
    fn from(acl: Option<Acl>) -> Self {
        acl.map_or(Self::Absent, Self::Exactly)
    }
}

/// The list of an entry with this mode; none where nobody is named.
///
/// The group digit of the mode is the mask, and what the owning group has if no entry says less.
pub(crate) fn access_list(entries: &[Numbered], mode: u32, directory: bool) -> Option<Acl> {
    let mut acl = Acl::from_mode(mode);
    acl.mask = Some(acl.owning_group);
    put(&mut acl, entries, directory);
    // A list without names and with a group that has all that the mask allows says no more than the mode.
    let says_more = !entries.is_empty() && acl != Acl { mask: acl.mask, ..Acl::from_mode(mode) };
    says_more.then_some(acl)
}

/// The default list of a directory; none if the policy wants none.
pub(crate) fn default_list(entries: &[Numbered], directory_mode: Option<u32>) -> Option<Acl> {
    if entries.is_empty() {
        return None;
    }
    let mut acl = Acl::from_mode(directory_mode.unwrap_or_default());
    put(&mut acl, entries, true);
    if !acl.users.is_empty() || !acl.groups.is_empty() {
        let named = acl.users.values().chain(acl.groups.values());
        acl.mask = Some(named.fold(acl.owning_group, |all, rights| all | rights));
    }
    Some(acl)
}

fn put(acl: &mut Acl, entries: &[Numbered], directory: bool) {
    for Numbered { who, entry } in entries {
        let rights = entry.rights_on(directory);
        match who {
            Who::Owner => acl.owner = rights,
            Who::OwningGroup => acl.owning_group = rights,
            Who::Other => acl.other = rights,
            Who::User(id) => drop(acl.users.insert(*id, rights)),
            Who::Group(id) => drop(acl.groups.insert(*id, rights)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(texts: &[&str]) -> Vec<Numbered> {
        let numbered = |text: &&str| {
            let entry: AclEntry = text.parse().unwrap();
            let id = text.split(':').nth(1).and_then(|id| id.parse().ok());
            let who = match (text.as_bytes()[0], id) {
                (b'u', None) => Who::Owner,
                (b'u', Some(id)) => Who::User(id),
                (b'g', None) => Who::OwningGroup,
                (b'g', Some(id)) => Who::Group(id),
                _ => Who::Other,
            };
            Numbered { who, entry }
        };
        texts.iter().map(numbered).collect()
    }

    #[test]
    fn the_group_digit_is_the_mask() {
        let acl = access_list(&entries(&["user:7:r-X", "group::r--"]), 0o670, true).unwrap();
        assert_eq!(acl.to_string(), "user::rw-,user:7:r-x,group::r--,mask::rwx,other::---");
        assert_eq!(acl.mode(), 0o670);
    }

    #[test]
    fn nobody_named_is_no_list() {
        assert_eq!(access_list(&[], 0o640, false), None);
        assert_eq!(access_list(&entries(&["group::r--"]), 0o640, false), None);
    }

    #[test]
    fn a_default_list_takes_from_the_directory_what_it_does_not_say() {
        let acl = default_list(&entries(&["user:7:rw-", "other::---"]), Some(0o755)).unwrap();
        assert_eq!(acl.to_string(), "user::rwx,user:7:rw-,group::r-x,mask::rwx,other::---");
        assert_eq!(default_list(&[], Some(0o755)), None);
    }
}
