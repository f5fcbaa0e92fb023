use evenkeel_shown::said::{AgentCode, Allowed, Instead};

use super::{japanese, span};
use crate::view::View;

/// What the agent says of itself, or of what it waits for.
pub(super) fn agent(view: &View, code: &AgentCode) -> String {
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
        AgentCode::IncidentWasOpen => {
            "エージェントが終了した時点でインシデントが継続中だった".to_owned()
        }
        AgentCode::NoCheckSpeaks => "対象にするチェックがもうない".to_owned(),
        AgentCode::NoHistoryKept => {
            "このエージェントは観察のみ行い、ディスクに履歴を残さない".to_owned()
        }
        AgentCode::HistoryLookBrokeOff => "履歴の読み取りが中断された".to_owned(),
        AgentCode::NoSuchPage => "そのページは存在しない".to_owned(),
        AgentCode::NotAnIncident => "インシデントは番号で指定する(例: /incident/7)".to_owned(),
        AgentCode::NoSuchIncident => "そのインシデントは履歴にない".to_owned(),
        AgentCode::NoIncident { id } => format!("インシデント {id} は履歴にない"),
        AgentCode::NothingKnown { name } => format!("{name} に関する記録がない"),
        AgentCode::UnknownName { name, instead: Instead::Near(near) } => {
            format!("{name} は存在しない。似た名前: {near}")
        }
        AgentCode::UnknownName { name, instead: Instead::Of { names, more } } => {
            let more = if *more > 0 { format!("、ほか{more}件") } else { String::new() };
            format!("{name} は存在しない。存在するもの: {}{more}", names.join("、"))
        }
        AgentCode::RecoverySet {
            recovery,
            when,
            steps,
            retries,
            target,
            group,
            of_group,
            host,
            verified_within,
        } => {
            let per = |allowed: &Allowed| {
                format!("{}あたり{}回", span(view, allowed.window), allowed.count)
            };
            let any = if when.len() > 1 { " のいずれか" } else { " " };
            format!(
                "recovery.{recovery}: {}{any}が停止したら {}。段階ごとに再試行{retries}回まで。上限は対象ごとに{}、グループ {of_group} で{}、ホスト全体で{}。{}以内に同じチェックで確認",
                when.join("、"),
                steps.join("、次に "),
                per(target),
                per(group),
                per(host),
                span(view, *verified_within),
            )
        }
        AgentCode::Starting { runs_seconds, grace_seconds } => {
            format!("稼働時間は{runs_seconds}秒で、起動に最大{grace_seconds}秒かかる")
        }
    }
}
