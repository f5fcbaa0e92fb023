//! Texts of evenkeel's own in the reader's language.
//!
//! Each is said from its code; a `match` without a wildcard keeps one from being forgotten. What is in it and was written by others,
//! such as what the system, a program or a command said, stays as they wrote it.

mod actions;
mod agent;
mod clients;
mod condition;
mod files;
mod host;
mod network;
mod note;
mod unit;
mod workload;

use std::time::Duration;

use evenkeel_shown::said::Code;
use jiff::SignedDuration;

use crate::told::lasted;
use crate::view::View;
use crate::words::Lang;

/// `text`, which says `code`, in the language of `view`; as it is if others wrote it.
pub fn said(view: &View, text: &str, code: Option<&Code>) -> String {
    match (view.lang, code) {
        (Lang::En, _) | (_, None) => text.to_owned(),
        (Lang::Ja, Some(code)) => japanese(view, code),
    }
}

/// What `code` says, in Japanese.
pub(crate) fn japanese(view: &View, code: &Code) -> String {
    match code {
        Code::AsWritten(text) => text.clone(),
        Code::All(all) => {
            let all = all.iter().map(|code| japanese(view, code));
            all.collect::<Vec<_>>().join("。")
        }
        Code::Because { what, source } => format!("{}: {source}", japanese(view, what)),
        Code::At { path, what } => format!("{path}: {}", japanese(view, what)),
        Code::Action(code) => actions::action(view, code),
        Code::Command(code) => clients::command(view, code),
        Code::Process(code) => clients::process(code),
        Code::Supervisord(code) => clients::supervisord(view, code),
        Code::Systemd(code) => clients::systemd(view, code),
        Code::Tmux(code) => clients::tmux(view, code),
        Code::Files(code) => files::files(view, code),
        Code::Permissions(code) => files::permissions(view, code),
        Code::Cleanup(code) => files::cleanup(view, code),
        Code::Due(code) => files::due(view, code),
        Code::Agent(code) => agent::agent(view, code),
        Code::Network(code) => network::network(view, code),
        Code::Workload(code) => workload::workload(code),
        Code::Unit(code) => unit::unit(view, code),
        Code::Host(code) => host::host(view, code),
        Code::Condition(code) => condition::condition(view, code),
        Code::Noted { what, note } => format!("{}{}", japanese(view, what), note::note(note)),
        Code::Untold { field, why } => format!("`{field}` が分からない: {}", japanese(view, why)),
    }
}

/// A time in words.
fn span(view: &View, span: Duration) -> String {
    lasted(view, SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests;
