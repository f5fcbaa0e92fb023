//! Texts of evenkeel's own in the reader's language.
//!
//! Each is said from its code; a `match` without a wildcard keeps one from being forgotten. What is in it and was written by others,
//! such as what the system, a program or a command said, stays as they wrote it.

mod actions;
mod clients;
mod files;

use std::time::Duration;

use evenkeel_shown::said::{AgentCode, Code};
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
        Code::Agent(code) => agent(view, code),
    }
}

fn agent(view: &View, code: &AgentCode) -> String {
    match code {
        AgentCode::SettingsObserve => "設定による".to_owned(),
        AgentCode::ToldToObserve => "起動時の指定による".to_owned(),
        AgentCode::CrashLoop { starts } => format!(
            "エージェントが10分間に{starts}回起動した。終了を繰り返しているため、ログの確認が必要"
        ),
        AgentCode::HistoryLost { reason, file, moved_to } => {
            format!("履歴 {file} に異常({reason})があったため、{moved_to} へ移動した")
        }
        AgentCode::HistoryUnreadable { error } => format!("履歴を読み取れない: {error}"),
        AgentCode::Until { what, until } => format!("{}({until}まで)", japanese(view, what)),
        AgentCode::EndedBeforeAction => "対処が終わる前にエージェントが終了した".to_owned(),
        AgentCode::KeeperEnded => "ルールを適用するスレッドが不具合により終了した".to_owned(),
        AgentCode::NoThread { why } => format!("実行するスレッドを作成できない: {why}"),
        AgentCode::Starting { runs_seconds, grace_seconds } => {
            format!("稼働時間は{runs_seconds}秒で、起動に最大{grace_seconds}秒かかる")
        }
    }
}

/// A time in words.
fn span(view: &View, span: Duration) -> String {
    lasted(view, SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests;
