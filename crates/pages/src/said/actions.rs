use evenkeel_shown::said::{ActionCode, Aim, Left, Named, NamedProcess, Repair, Untouchable};

use super::{japanese, span};
use crate::told::{attribute, cleaning};
use crate::view::{Unit, View};
use crate::words::Lang;

/// What an action did, or why not.
#[expect(clippy::too_many_lines, reason = "one text for each code, which read best together")]
pub(super) fn action(view: &View, code: &ActionCode) -> String {
    match code {
        ActionCode::Done(goal) => format!("{}した", aim(goal)),
        ActionCode::Cannot { aim: goal, why } => {
            format!("{}できない: {}", aim(goal), japanese(view, why))
        }
        ActionCode::NotDoneWithin { action, after } => {
            format!("{action}: {}以内に終わらなかった", span(view, *after))
        }
        ActionCode::NotNamed(what) => format!("対象の{}を示すチェックがない", named(*what)),
        ActionCode::NotNamedYet(what) => {
            format!("対象の{}を示したチェックがまだない", named(*what))
        }
        ActionCode::GroupRestarted { group, running, of, failed, left_stopped } => {
            let mut said =
                vec![format!("グループ {group} を再起動した: {of}件中{running}件が稼働")];
            said.extend(failed.iter().map(|(name, why)| format!("{name} は稼働していない: {why}")));
            if !left_stopped.is_empty() {
                said.push(format!("停止したままにした: {}", left_stopped.join("、")));
            }
            said.join("。")
        }
        ActionCode::ProgramStarted { program } => {
            format!("再起動の途中で停止していた {program} を起動した")
        }
        ActionCode::ProgramLeft { program, state } => {
            format!("{program} はそのままにした(状態: {state})")
        }
        ActionCode::DoesNotRun => "稼働していない".to_owned(),
        ActionCode::ActiveAlready { unit } => format!("ユニット {unit} はすでに稼働していた"),
        ActionCode::AfterwardsIs { state, sub, result } => {
            let result = result.as_ref().map(|result| format!("、結果は {result}"));
            format!("実行後の状態は {state}({sub}){}", result.unwrap_or_default())
        }
        ActionCode::StartedPastLimit { unit } => {
            format!("起動回数の制限をリセットし、ユニット {unit} を起動した")
        }
        ActionCode::NothingLeftOver => "残存プロセスはなかった".to_owned(),
        ActionCode::KillModeLeavesProcesses => {
            "KillMode= の設定により、停止後もプロセスが残ることがある(end_left_overs を参照)"
                .to_owned()
        }
        ActionCode::UnitFileChanged => {
            "ユニットファイルが変更されたが、systemd はまだ読み直していない".to_owned()
        }
        ActionCode::SameRun => "systemd は完了と報告したが、以前と同じ実行のままである".to_owned(),
        ActionCode::JobEnded { end } => format!("systemd のジョブが {end} で終了した"),
        ActionCode::LeftOversEnded { count, processes, killed } => {
            let named: Vec<_> = processes.iter().map(process).collect();
            let more = match count.saturating_sub(processes.len()) {
                0 => String::new(),
                more => format!("、ほか{more}件"),
            };
            let killed = match killed {
                0 => String::new(),
                killed => format!("。うち{killed}件は強制終了"),
            };
            format!("残存プロセス{count}件を終了した: {}{more}{killed}", named.join("、"))
        }
        ActionCode::LeftOversOutrun { ended } => format!(
            "残存プロセスが、終了するより速く別のプロセスを起動している({})。並行して何も起動しなかった",
            japanese(view, ended)
        ),
        ActionCode::NotLeftOver { why } => {
            format!("supervisord のプログラムは残存プロセスではない: {}", japanese(view, why))
        }
        ActionCode::RunsAs { pid } => format!("supervisord がプロセス {pid} として稼働中"),
        ActionCode::LeftOverStays { process: stays, state } => format!(
            "残存している{}が終了しない({state})。並行して何も起動しなかった",
            process(stays)
        ),
        ActionCode::CannotEnd { process: stays, why } => {
            format!("{}を終了できない: {}", process(stays), japanese(view, why))
        }
        ActionCode::CannotLookForProcesses { why } => {
            format!("プロセスを検索できない: {why}")
        }
        ActionCode::SignalSent { signal, process: target, ended } => {
            let ended = match ended {
                Some(true) => "し、終了を確認した",
                Some(false) => "したが、まだ終了していない",
                None => "した",
            };
            format!("{}に SIG{signal} を送信{ended}", process(target))
        }
        ActionCode::NamedIsGone { pid } => {
            format!("チェックが示したプロセス {pid} は存在しない。シグナルは送信していない")
        }
        ActionCode::NotSignalled { pid, why } => {
            format!("プロセス {pid} にはシグナルを送信しない: {}", untouchable(*why))
        }
        ActionCode::CommandRan { command } => format!("{command} を実行した"),
        ActionCode::CommandEnded { command, code, signal, said } => {
            let end = match (code, signal) {
                (Some(code), _) => format!("終了コード {code} で終了した"),
                (None, Some(signal)) => format!("シグナル {signal} で終了した"),
                (None, None) => "終了したが、終了状態は不明".to_owned(),
            };
            let said = said.as_ref().map(|said| format!(": {said}"));
            format!("{command} が{end}{}", said.unwrap_or_default())
        }
        ActionCode::Notice { target, cause, reason, incident } => {
            format!("チェック {cause} が {target} の停止を検知: {reason}(インシデント {incident})")
        }
        ActionCode::PaneRespawned { pane, pid, before } => {
            format!("ペイン {pane} のコマンドを再実行した: プロセス {before} に代わり {pid}")
        }
        ActionCode::NoSuchPane => "そのペインは存在しない".to_owned(),
        ActionCode::NoOtherProcess => "実行後も新しいプロセスが稼働していない".to_owned(),
        ActionCode::SocketMade { pid, socket } => {
            format!("tmux サーバー {pid} にソケット {socket} を再作成させた")
        }
        ActionCode::NotWritten { why } => format!("履歴に記録できないため実行しなかった: {why}"),
        ActionCode::NoPermissionRule { rule } => format!("権限ルール {rule} は存在しない"),
        ActionCode::NoCleanupRule { rule } => format!("掃除ルール {rule} は存在しない"),
        ActionCode::CleanupRan { rule, entries, bytes, action, undo, left } => {
            let action = cleaning(Lang::Ja, action);
            let undo = undo.as_ref().map(|run| format!("。`evenkeel undo {run}` で元に戻せる"));
            let left = left.as_ref().map(|Left { entries, path, why }| {
                format!("。{entries}件が残った: {path}: {}", japanese(view, why))
            });
            let (undo, left) = (undo.unwrap_or_default(), left.unwrap_or_default());
            format!("掃除ルール {rule}({action}): {entries}件、{}{undo}{left}", bytes_of(*bytes))
        }
        ActionCode::RuleFailed { rule, why } => {
            format!("権限ルール {rule}: {}", japanese(view, why))
        }
        ActionCode::RuleHolds { rule } => format!("権限ルール {rule}: すべて適合"),
        ActionCode::RuleApplied { rule, done, found, repairs } => {
            let one = |Repair { what, path, before, after }: &Repair| {
                format!("{path} の{}: {before} → {after}", attribute(Lang::Ja, what))
            };
            let repairs = match repairs.iter().map(one).collect::<Vec<_>>().join("、") {
                none if none.is_empty() => none,
                repairs => format!(": {repairs}"),
            };
            format!("権限ルール {rule}: {found}件中{done}件を修復{repairs}")
        }
        ActionCode::Defect => "evenkeel の不具合により終了した。詳細はログを参照".to_owned(),
    }
}

/// What an action is for, as a noun that a verb follows.
fn aim(aim: &Aim) -> String {
    match aim {
        Aim::RestartProgram { program } => format!("プログラム {program} を再起動"),
        Aim::RestartGroup { group } => format!("グループ {group} を再起動"),
        Aim::StartProgram { program } => format!("プログラム {program} を起動"),
        Aim::SignalProgram { signal, program } => {
            format!("プログラム {program} に SIG{signal} を送信")
        }
        Aim::RestartUnit { unit } => format!("ユニット {unit} を再起動"),
        Aim::StartUnit { unit } => format!("ユニット {unit} を起動"),
        Aim::StopUnit { unit } => format!("ユニット {unit} を停止"),
        Aim::ReloadUnit { unit } => format!("ユニット {unit} の設定を再読み込み"),
        Aim::ResetUnit { unit } => format!("ユニット {unit} の失敗状態をリセット"),
        Aim::RespawnPane { pane } => format!("ペイン {pane} を再実行"),
        Aim::RecreateSocket => "tmux のソケットを再作成".to_owned(),
    }
}

const fn named(what: Named) -> &'static str {
    match what {
        Named::Program => "プログラム",
        Named::Group => "グループ",
        Named::Pane => "ペイン",
        Named::Process => "プロセス",
    }
}

const fn untouchable(why: Untouchable) -> &'static str {
    match why {
        Untouchable::FirstProcess => {
            "最初のプロセスであり、終了するとほかのすべてのプロセスも終了する"
        }
        Untouchable::Ourselves => "evenkeel 自身である",
        Untouchable::OfKernel => "カーネルのスレッドである",
        Untouchable::Dead => "すでに終了しており、親プロセスの回収待ちである",
    }
}

fn process(NamedProcess { pid, name }: &NamedProcess) -> String {
    format!("プロセス {pid}({name})")
}

fn bytes_of(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure that people read")]
    Unit::Bytes.write(bytes as f64, Lang::Ja)
}
