use std::fmt;
use std::path::PathBuf;

use evenkeel_shown::said::WorkloadCode;
use nix::unistd::{Uid, User};

use crate::{Server, TmuxError, unsafe_folder};

/// Where a server's socket is: a path, or a name in the folder that tmux makes for each user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As for `tmux -S PATH`.
    Path(PathBuf),
    /// As for `tmux -L NAME`, below `/tmp/tmux-UID`.
    Named {
        /// Its name; tmux itself says `default`.
        name: String,
        /// Whose server it is, by name or number; the caller's if none.
        user: Option<String>,
    },
}

impl Place {
    /// The server, and what keeps every client from it: [`unsafe_folder`], only for a socket in a folder that tmux made.
    ///
    /// Fails with [`TmuxError::NoUser`] if there is no such user. May block: users can be on the network.
    pub fn server(&self) -> Result<(Server, Option<WorkloadCode>), TmuxError> {
        match self {
            Self::Path(path) => Ok((Server::at(path), None)),
            Self::Named { name, user } => {
                let uid = match user {
                    Some(user) => uid_of(user)?,
                    None => Uid::effective().as_raw(),
                };
                let server = Server::of_user(uid, name);
                let fault = unsafe_folder(server.socket(), uid);
                Ok((server, fault))
            }
        }
    }
}

fn uid_of(user: &str) -> Result<u32, TmuxError> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let found = User::from_name(user).ok().flatten();
    found.map(|found| found.uid.as_raw()).ok_or_else(|| TmuxError::NoUser { user: user.to_owned() })
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(formatter, "{}", path.display()),
            Self::Named { name, user: None } => write!(formatter, "`{name}`"),
            Self::Named { name, user: Some(user) } => {
                write!(formatter, "`{name}` of user `{user}`")
            }
        }
    }
}
