use evenkeel_shown::said::{HostCode, NoHash, NotRunning, Selected, Uncounted};

use super::span;
use super::workload::similar;
use crate::view::View;

/// What a look at the host found wrong, or why it could not look.
pub(super) fn host(view: &View, code: &HostCode) -> String {
    match code {
        HostCode::NoEntry { path } => format!("{path} が存在しない"),
        HostCode::CannotLook { path, error } => format!("{path} を参照できない: {error}"),
        HostCode::HashUntold { path, why } => {
            format!("{path} の `sha256` が分からない: {}", no_hash(why))
        }
        HostCode::InodesUntold { field, path } => format!(
            "`{field}` が分からない: {path} のファイルシステムは inode を必要に応じて作成する"
        ),
        HostCode::FilesystemSilent { within } => {
            format!("ファイルシステムが{}以内に応答しなかった", span(view, *within))
        }
        HostCode::NotLookedAt { within } => {
            format!("{}以内に調べられなかった", span(view, *within))
        }
        HostCode::EarlierLooksHang { within } => format!(
            "{}以内に調べられなかった: 以前のプロセス調査が終わっていない",
            span(view, *within)
        ),
        HostCode::BrokenOff => "ホストの調査が中断された".to_owned(),
        HostCode::NoThread { error } => format!("調査用のスレッドを作成できない: {error}"),
        HostCode::NoUser { user } => format!("ユーザー {user} は存在しない"),
        HostCode::CannotLookUp { user, error } => {
            format!("ユーザー {user} を調べられない: {error}")
        }
        HostCode::NotRunning { target, why } => {
            let why = why.as_ref().map(|why| format!(": {}", not_running(why)));
            format!("{}が動いていない{}", selected(target), why.unwrap_or_default())
        }
        HostCode::NoCgroup { path, near } => {
            format!("cgroup {path} は存在しない{}", similar(near))
        }
        HostCode::TooManyProcesses { most } => {
            format!("プロセスが多すぎる: 調べるのは{most}個まで")
        }
        HostCode::TooManyBelow { most } => format!("子孫のプロセスが{most}個を超えている"),
        HostCode::EndedMeanwhile => "調べている間にプロセスが終了した".to_owned(),
        HostCode::NotPermitted { pid } => {
            format!("プロセス {pid} を詳しく調べる権限がない")
        }
        HostCode::OtherOwner { pidfile, owner, pid } => format!(
            "{pidfile} は信用できない: 所有者はユーザー {owner} だが、プロセス {pid} は別のユーザーのもの"
        ),
        HostCode::NoPidfile { path } => format!("PID ファイル {path} が存在しない"),
        HostCode::PidfileDenied { path } => format!("{path} を読み取る権限がない"),
        HostCode::PidfileUntrusted { path, reason } => {
            format!("{path} は信用できない: {reason}")
        }
        HostCode::PidfileWithoutNumber { path } => format!("{path} にプロセス番号がない"),
        HostCode::PidfileUnreadable { path } => format!("{path} を読み取れない"),
        HostCode::Uncounted(why) => uncounted(*why).to_owned(),
    }
}

fn selected(target: &Selected) -> String {
    match target {
        Selected::OfFile(path) => format!("{path} のプロセス"),
        Selected::Named { name, user: None } => format!("プロセス {name} "),
        Selected::Named { name, user: Some(user) } => {
            format!("ユーザー {user} のプロセス {name} ")
        }
        Selected::Number(pid) => format!("プロセス {pid} "),
        Selected::OfUnit(unit) => format!("{unit} のプロセス"),
        Selected::OfProgram(program) => format!("プログラム {program} のプロセス"),
        Selected::InCgroup(path) => format!("cgroup {path} のプロセス"),
        Selected::Supervisord(socket) => format!("{socket} の supervisord のプロセス"),
    }
}

fn not_running(why: &NotRunning) -> String {
    match why {
        NotRunning::NobodyHasNumber { pid } => format!("番号 {pid} のプロセスがない"),
        NotRunning::NumberOfAnother { pid } => {
            format!("番号 {pid} は書き込まれた後に別のプロセスに割り当てられた")
        }
        NotRunning::NoProcess { near } => format!("プロセスがない{}", similar(near)),
        NotRunning::Zombie => "ゾンビである".to_owned(),
    }
}

fn no_hash(why: &NoHash) -> &str {
    match why {
        NoHash::TooLarge => "64 MiB を超えている",
        NoHash::NotRegular => "通常のファイルではない",
        NoHash::Exchanged => "調べている間に入れ替えられた",
        NoHash::Late => "時間内に読み取れなかった",
        NoHash::System(error) => error,
    }
}

const fn uncounted(why: Uncounted) -> &'static str {
    match why {
        Uncounted::NoUnit => "systemd のユニットに属していない",
        Uncounted::NoLimit => "cgroup にメモリの上限がない",
        Uncounted::NoKills => "カーネルが強制終了の回数を数えていない",
        Uncounted::NoMemory => "メモリを計測する cgroup に属していない",
        Uncounted::NoPressure => "カーネルがプレッシャーを計測していない",
    }
}
