//! Keeps mode, owner and group of a tree as a policy says.
//!
//! A [`Draft`] is checked into a [`Policy`]; [`sweep`] looks at the host and returns a [`Plan`], a value to print, compare
//! or throw away; [`apply`] carries it out and returns a [`Report`]. Nothing follows a link, and an entry that was exchanged
//! since the sweep is left alone. A [`Keeper`] does all of that on a thread of its own, whenever the kernel tells of a change:
//! it says who put an entry wrong, and pauses where somebody keeps undoing its repairs ([`Fights`]).
//!
//! When to sweep besides, and whom to tell, is left to the caller.
//!
//! ```
//! use evenkeel_permissions::{Draft, FileRule, Policy, apply, sweep};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let path = scratch.path().to_owned();
//! # std::fs::write(path.join("a.hash"), "")?;
//! let policy = Policy::try_new(Draft {
//!     path,
//!     files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o604 }],
//!     ..Draft::default()
//! })?;
//! let report = apply(&policy, sweep(&policy)?);
//! assert_eq!(&*report.repaired[0].after, "0604");
//! assert!(sweep(&policy)?.holds());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod acl;

mod policy;

mod lists;

mod principals;
mod texts;

mod observe;

mod plan;

mod apply;

mod fights;

mod who;

mod keeper;

pub use acl::{AclEntry, AclError, AclPolicy, AclWho};
pub use apply::{Failed, Repair, Report, apply};
pub use evenkeel_names::{Glob, GlobSet};
pub use evenkeel_safefs::events::Preference;
pub use fights::{FIGHT_TIMES, FIGHT_WINDOW, FIRST_PAUSE, Fights, LONGEST_PAUSE, Round};
pub use keeper::{Fight, Keeper, Kept, Left, News, Swept, Task};
pub use observe::{SweepError, check_host, sweep};
pub use plan::{Kind, Listed, Plan, Refused, Step};
pub use policy::{DEFAULT_MAX_DEPTH, Draft, FileRule, Policy, PolicyError, Principal};
pub use who::By;
