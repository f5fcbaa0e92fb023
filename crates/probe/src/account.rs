//! Users by name or number.

use evenkeel_shown::said::HostCode;
use nix::unistd::{Uid, User};

use crate::{FailureClass, Outcome};

/// The user that `name` names, or whose number it is. Asks the host's databases, which may block.
///
/// Unknown if there is none: whether one was meant to be there cannot be told.
pub(crate) fn account(name: &str) -> Result<User, Outcome> {
    let found = match name.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(name),
    };
    match found {
        Ok(Some(user)) => Ok(user),
        Ok(None) => {
            Err(Outcome::unknown(FailureClass::Missing, HostCode::NoUser { user: name.to_owned() }))
        }
        Err(errno) => {
            let (user, error) = (name.to_owned(), errno.to_string());
            Err(Outcome::unknown(FailureClass::Limit, HostCode::CannotLookUp { user, error }))
        }
    }
}

/// The number of a user; a number stands for itself, whether somebody has it or not.
pub(crate) fn uid_of(name: &str) -> Result<u32, Outcome> {
    match name.parse() {
        Ok(number) => Ok(number),
        Err(_) => account(name).map(|user| user.uid.as_raw()),
    }
}
