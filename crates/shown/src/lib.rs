//! Texts of strangers and of settings, and figures, made fit to be shown.
//!
//! What a target answers, what stands in a log and what an operator wrote into the settings ends up in logs, history,
//! pages and terminals. [`escaped`] takes out what a terminal would obey or what makes a text look like another one.
//! [`redact`] and [`redact_url`] take out secrets by how they are written: `password=…`, `Authorization: …`, the password
//! and the `token` of a URL. [`Secrets`] takes out those that are known, wherever they come back.
//!
//! [`Unit`] writes figures: `118 MB` and not `117739520`, and never so short that what is beyond a limit looks like the limit.
//!
//! [`said::Said`] is a text of evenkeel's own as a value: in English, and what it says as data for other languages.
//!
//! Redaction by form knows only the forms that it knows; whoever has the secret itself uses [`Secrets`] besides.
//!
//! ```
//! use evenkeel_shown::{Secrets, escaped, redact, redact_url};
//!
//! assert_eq!(redact("login --password hunter2 failed"), "login --password *** failed");
//! assert_eq!(redact_url("https://me:hunter2@example.org/?sig=abc&y=1"), "https://me:***@example.org/?sig=***&y=1");
//! let secrets = Secrets::new(["s3cr3t-value".to_owned()]);
//! assert_eq!(secrets.hide("the server said: s3cr3t-value is wrong"), "the server said: *** is wrong");
//! assert_eq!(escaped("\u{1b}[31mred"), "\\u{1b}[31mred");
//! ```
#![forbid(unsafe_code)]

mod chain;
mod escape;
mod form;
pub mod said;
mod secrets;
mod unit;
mod url;

pub use chain::chain;
pub use escape::{escaped, excerpt, is_invisible};
pub use form::{is_secret_name, redact, secret_ranges};
pub use secrets::Secrets;
pub use unit::Unit;
pub use url::{place_of_url, redact_url};

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";
