use evenkeel_shown::said::{
    Activity, CommandCode, ProcessCode, SupervisordCode, SystemdCode, TmuxCode,
};

use super::span;
use crate::view::View;

/// Why a command did not run, or was not done.
pub(super) fn command(view: &View, code: &CommandCode) -> String {
    match code {
        CommandCode::Empty => "コマンドが空である".to_owned(),
        CommandCode::NotFound { program } => format!("{program} が見つからない"),
        CommandCode::Denied { program } => format!("{program} の実行権限がない"),
        CommandCode::Killed { program, after } => {
            format!("{program} が{}以内に終わらないため強制終了した", span(view, *after))
        }
        CommandCode::CannotRun { program } => format!("{program} を実行できない"),
    }
}

/// Why a process could not be looked at.
pub(super) fn process(code: &ProcessCode) -> String {
    match code {
        ProcessCode::Gone { what } => format!("存在しない({what})"),
        ProcessCode::Denied { what } => format!("参照する権限がない({what})"),
        ProcessCode::Form { what } => format!("proc(5) の形式ではない({what})"),
        ProcessCode::CannotLook { what } => format!("参照できない({what})"),
    }
}

/// Why supervisord did not do what was asked.
pub(super) fn supervisord(view: &View, code: &SupervisordCode) -> String {
    match code {
        SupervisordCode::NoSocket { socket } => format!("ソケット {socket} が存在しない"),
        SupervisordCode::SocketDeleted { socket, pid } => {
            let who = pid.map(|pid| format!("(プロセス {pid})")).unwrap_or_default();
            format!("デーモン{who}の稼働中にソケット {socket} が削除された")
        }
        SupervisordCode::NobodyListens { socket } => {
            format!("{socket} で待ち受けるプロセスがない")
        }
        SupervisordCode::Denied { socket, reason } => {
            format!("{socket} を使用する権限がない: {reason}")
        }
        SupervisordCode::NoAnswer { socket, after, daemon } => {
            let daemon = daemon
                .map(|daemon| format!("(プロセス {} は{})", daemon.pid, activity(daemon.activity)));
            let (after, daemon) = (span(view, *after), daemon.unwrap_or_default());
            format!("{socket} の supervisord が{after}以内に応答しなかった{daemon}")
        }
        SupervisordCode::Refused { text, fault } => {
            format!("supervisord が拒否した: {text}(fault {fault})")
        }
        SupervisordCode::Protocol { socket, reason } => {
            format!("{socket} の応答が supervisord のものではない: {reason}")
        }
        SupervisordCode::CannotTalk { socket } => format!("{socket} と通信できない"),
    }
}

const fn activity(activity: Activity) -> &'static str {
    match activity {
        Activity::Alive => "稼働中",
        Activity::Stopped => "シグナルにより停止中",
        Activity::CgroupFrozen => "凍結された cgroup の中",
        Activity::Traced => "デバッガーにより停止中",
        Activity::DiskSleep => "カーネル内で待機中",
        Activity::Dead => "終了済み",
    }
}

/// Why systemd did not do what was asked.
pub(super) fn systemd(view: &View, code: &SystemdCode) -> String {
    match code {
        SystemdCode::NotBooted => "このホストは systemd で起動されていない".to_owned(),
        SystemdCode::NoBus { socket, reason } => {
            format!("{socket} の D-Bus デーモンが応答しない: {reason}")
        }
        SystemdCode::NotOnBus { socket } => format!("{socket} のバスに systemd が接続していない"),
        SystemdCode::Denied { reason } => format!("権限がない: {reason}"),
        SystemdCode::NoAnswer { after } => {
            format!("systemd が{}以内に応答しなかった", span(view, *after))
        }
        SystemdCode::JobNotDone { after } => {
            format!("systemd のジョブが{}以内に終わらなかった", span(view, *after))
        }
        SystemdCode::NoSuchUnit { unit, near } => match near.join("、") {
            none if none.is_empty() => format!("ユニット {unit} は存在しない"),
            near => format!("ユニット {unit} は存在しない。似た名前: {near}"),
        },
        SystemdCode::Masked { unit } => format!("ユニット {unit} はマスクされている"),
        SystemdCode::Refused { text } => format!("systemd が拒否した: {text}"),
        SystemdCode::Lost { reason } => format!("バスとの接続が切れた: {reason}"),
        SystemdCode::Protocol { reason } => {
            format!("応答が systemd のものではない: {reason}")
        }
        SystemdCode::CannotConnect { socket } => format!("{socket} に接続できない"),
    }
}

/// Why tmux did not do what was asked.
pub(super) fn tmux(view: &View, code: &TmuxCode) -> String {
    match code {
        TmuxCode::NoServer { socket } => {
            format!("tmux サーバーが存在しない: ソケット {socket} がなく、待ち受けるプロセスもない")
        }
        TmuxCode::SocketDeleted { socket, pid } => {
            format!("tmux サーバー(プロセス {pid})の稼働中にソケット {socket} が削除された")
        }
        TmuxCode::Dead { socket } => {
            format!("tmux サーバーは停止している: {socket} で待ち受けるプロセスがない")
        }
        TmuxCode::NoAnswer { socket, after } => format!(
            "{socket} の tmux サーバーが{}以内に応答しなかった: 凍結または過負荷",
            span(view, *after)
        ),
        TmuxCode::Denied { socket, reason } => {
            format!("{socket} を使用する権限がない: {reason}")
        }
        TmuxCode::NoUser { user } => format!("ユーザー {user} は存在しない"),
        TmuxCode::CannotRun { reason } => format!("tmux を実行できない: {reason}"),
        TmuxCode::Refused { text } => format!("tmux が拒否した: {text}"),
        TmuxCode::Protocol { reason } => format!("tmux の応答が想定と異なる: {reason}"),
        TmuxCode::CannotUse { socket } => format!("{socket} を使用できない"),
    }
}
