use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::sys;

const VERSION: u32 = 2;
const ENTRY_BYTES: usize = 8;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
/// What the kernel writes where an entry is about nobody in particular.
const NOBODY: u32 = u32::MAX;
/// The kernel's own limit of an attribute's value.
const MOST_BYTES: usize = 64 * 1024;

/// Which of an object's two lists is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AclKind {
    /// Who may do what with the object.
    Access,
    /// What a new entry of a directory gets; only directories have one.
    Default,
}

/// A POSIX access control list; each right is three bits, as one digit of a mode.
///
/// Source: `acl(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// Rights of the owner.
    pub owner: u8,
    /// Rights of the owning group, which the mask bounds.
    pub owning_group: u8,
    /// Rights of all others.
    pub other: u8,
    /// Rights of users by number, which the mask bounds.
    pub users: BTreeMap<u32, u8>,
    /// Rights of groups by number, which the mask bounds.
    pub groups: BTreeMap<u32, u8>,
    /// The most that any group or named user gets; a mode shows it as the digit of the group.
    ///
    /// Always there if somebody is named.
    pub mask: Option<u8>,
}

impl Acl {
    /// The list that says no more than these nine bits of a mode.
    pub fn from_mode(mode: u32) -> Self {
        Self {
            owner: digit(mode >> 6),
            owning_group: digit(mode >> 3),
            other: digit(mode),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            mask: None,
        }
    }

    /// Whether it says no more than a mode can.
    pub fn is_minimal(&self) -> bool {
        self.mask.is_none() && self.users.is_empty() && self.groups.is_empty()
    }

    /// The nine bits of a mode that show it.
    pub fn mode(&self) -> u32 {
        let group = self.mask.unwrap_or(self.owning_group);
        u32::from(self.owner) << 6 | u32::from(group) << 3 | u32::from(self.other)
    }

    /// Reads the value of a `system.posix_acl_*` attribute; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, entries) = bytes.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != VERSION || entries.len() % ENTRY_BYTES != 0 {
            return None;
        }
        let mut acl = Self::from_mode(0);
        let mut seen = 0;
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            let tag = u16::from_le_bytes([entry[0], entry[1]]);
            let rights = u8::try_from(u16::from_le_bytes([entry[2], entry[3]])).ok()?;
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            if rights > 7 {
                return None;
            }
            let twice = match tag {
                USER => acl.users.insert(id, rights).is_some(),
                GROUP => acl.groups.insert(id, rights).is_some(),
                _ => {
                    match tag {
                        USER_OBJ => acl.owner = rights,
                        GROUP_OBJ => acl.owning_group = rights,
                        MASK => acl.mask = Some(rights),
                        OTHER => acl.other = rights,
                        _ => return None,
                    }
                    seen & tag != 0
                }
            };
            if twice {
                return None;
            }
            seen |= tag;
        }
        let complete = seen & (USER_OBJ | GROUP_OBJ | OTHER) == USER_OBJ | GROUP_OBJ | OTHER;
        let named = seen & (USER | GROUP) != 0;
        (complete && (!named || acl.mask.is_some())).then_some(acl)
    }

    /// The value of a `system.posix_acl_*` attribute, its entries in the order that the kernel asks for.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut entry = |tag: u16, rights: u8, id: u32| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(rights).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        entry(USER_OBJ, self.owner, NOBODY);
        self.users.iter().for_each(|(id, rights)| entry(USER, *rights, *id));
        entry(GROUP_OBJ, self.owning_group, NOBODY);
        self.groups.iter().for_each(|(id, rights)| entry(GROUP, *rights, *id));
        if let Some(mask) = self.mask {
            entry(MASK, mask, NOBODY);
        }
        entry(OTHER, self.other, NOBODY);
        bytes
    }
}

/// As `getfacl --omit-header --numeric` has it, on one line.
impl fmt::Display for Acl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "user::{}", Rights(self.owner))?;
        for (id, rights) in &self.users {
            write!(formatter, ",user:{id}:{}", Rights(*rights))?;
        }
        write!(formatter, ",group::{}", Rights(self.owning_group))?;
        for (id, rights) in &self.groups {
            write!(formatter, ",group:{id}:{}", Rights(*rights))?;
        }
        if let Some(mask) = self.mask {
            write!(formatter, ",mask::{}", Rights(mask))?;
        }
        write!(formatter, ",other::{}", Rights(self.other))
    }
}

impl AclKind {
    fn attribute(self) -> &'static str {
        match self {
            Self::Access => "system.posix_acl_access",
            Self::Default => "system.posix_acl_default",
        }
    }
}

struct Rights(u8);

impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            write!(formatter, "{}", if self.0 & bit == 0 { '-' } else { letter })?;
        }
        Ok(())
    }
}

/// A list that says more than the mode; `None` also where the filesystem keeps no lists.
pub(crate) fn read(pin: BorrowedFd<'_>, kind: AclKind) -> io::Result<Option<Acl>> {
    let path = sys::own_descriptor(pin)?;
    let mut value = Vec::with_capacity(MOST_BYTES);
    match rustix::fs::getxattr(&path, kind.attribute(), rustix::buffer::spare_capacity(&mut value))
    {
        Ok(_) => {}
        Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let acl = Acl::from_bytes(&value).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "an access control list of an unknown form")
    })?;
    // A default list counts also where it says no more than a mode: it decides in the place of the umask.
    Ok(Some(acl).filter(|acl| kind == AclKind::Default || !acl.is_minimal()))
}

/// Sets the list, or takes it away.
pub(crate) fn write(pin: BorrowedFd<'_>, kind: AclKind, acl: Option<&Acl>) -> io::Result<()> {
    let path = sys::own_descriptor(pin)?;
    match acl {
        Some(acl) => {
            let value = acl.to_bytes();
            Ok(rustix::fs::setxattr(&path, kind.attribute(), &value, XattrFlags::empty())?)
        }
        None => match rustix::fs::removexattr(&path, kind.attribute()) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        },
    }
}

fn digit(mode: u32) -> u8 {
    u8::try_from(mode & 0o7).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_acl() -> impl Strategy<Value = Acl> {
        let named = || proptest::collection::btree_map(any::<u32>(), 0..8_u8, 0..4);
        (0..8_u8, 0..8_u8, 0..8_u8, named(), named(), proptest::option::of(0..8_u8)).prop_map(
            |(owner, owning_group, other, users, groups, mask)| {
                let named = !users.is_empty() || !groups.is_empty();
                let mask = mask.or(named.then_some(7));
                Acl { owner, owning_group, other, users, groups, mask }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(acl in some_acl()) {
            prop_assert_eq!(Acl::from_bytes(&acl.to_bytes()), Some(acl));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Acl::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_list_is_shown_as_getfacl_shows_it() {
        let mut acl = Acl::from_mode(0o640);
        assert!(acl.is_minimal());
        acl.users.insert(1000, 6);
        acl.mask = Some(4);
        assert_eq!(acl.to_string(), "user::rw-,user:1000:rw-,group::r--,mask::r--,other::---");
        assert_eq!(acl.mode(), 0o640);
    }

    #[test]
    fn a_broken_list_is_none() {
        let whole = Acl::from_mode(0o644).to_bytes();
        assert!(Acl::from_bytes(&whole).is_some());
        assert!(Acl::from_bytes(&whole[..whole.len() - 8]).is_none(), "nobody is other");
        assert!(Acl::from_bytes(&whole[..whole.len() - 1]).is_none(), "half an entry");
        let twice = [&whole[..], &whole[4..12]].concat();
        assert!(Acl::from_bytes(&twice).is_none(), "two owners");
    }
}
