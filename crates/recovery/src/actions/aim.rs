//! What an action was for, and that it was done or could not be.

use evenkeel_shown::said::{ActionCode, Aim, Said};

/// That an aim could not be reached, and why.
pub(super) fn cannot(aim: &Aim, why: impl Into<Said>) -> Said {
    let why = why.into();
    let text = format!("cannot {aim}: {why}");
    Said::new(text, ActionCode::Cannot { aim: aim.clone(), why: Box::new(why.into_code()) })
}

/// That an aim was reached; `text` says so.
pub(super) fn reached(text: String, aim: Aim) -> Said {
    Said::new(text, ActionCode::Done(aim))
}
