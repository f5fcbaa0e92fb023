//! Files by open descriptor only: nothing outside a root is touched, whoever races.
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod name;

mod metadata;

mod object;

mod root;

mod dir;

mod walk;

mod take;

mod openers;

mod shorten;

mod sys;

pub use dir::{Dir, Working};
pub use metadata::{Access, Identity, Kind, Metadata};
pub use name::{escaped, is_system_path};
pub use object::{ActError, Change, Judged, Pinned, Refusal, Terms, judge};
pub use openers::{OpenFiles, Writer, writers};
pub use root::{Fresh, OpenError, Root, Trust};
pub use shorten::{Method, ShortenError, Shortened};
pub use take::{PRIVATE_NAME, TakeError, Taker};
pub use walk::{Found, Problem, Reach, Visit, walk};
