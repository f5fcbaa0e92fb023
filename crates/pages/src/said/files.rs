use evenkeel_shown::said::{
    Access, Age, Cap, CleanupCode, Count, Difference, DueCode, EntryKind, FilesCode, Measure,
    OnlySwept, PermissionsCode, Task, WatchedBy,
};

use super::{japanese, span};
use crate::told::attribute;
use crate::view::View;
use crate::words::Lang;

/// What is wrong with an entry, or with the root of a rule.
pub(super) fn files(view: &View, code: &FilesCode) -> String {
    match code {
        FilesCode::Is(of) => format!("種類が{}", kind(*of)),
        FilesCode::HardLinked { nlink } => {
            format!("名前が{nlink}個あり、残りはルートの外にあるかもしれない")
        }
        FilesCode::OtherMount => "ルートとは別のマウント上にある".to_owned(),
        FilesCode::Immutable => "変更不可(chattr +i)".to_owned(),
        FilesCode::AppendOnly => "追記のみ可(chattr +a)".to_owned(),
        FilesCode::ForeignOwner { uid } => format!("所有者の uid {uid} がルールにない"),
        FilesCode::ChangedMeanwhile { why } => {
            format!("処理中に変化した: {}", japanese(view, why))
        }
        FilesCode::CannotOwn { uid, gid } => {
            format!("所有者 {uid}、グループ {gid} を設定できない")
        }
        FilesCode::CannotSetMode { mode } => format!("モード {mode} を設定できない"),
        FilesCode::CannotSetAcl { acl } => format!("ACL {acl} を設定できない"),
        FilesCode::AclStayed { found } => format!("カーネルが ACL {found} を変えなかった"),
        FilesCode::AccessStayed { found } => {
            format!("カーネルが {} を変えなかった", access(found))
        }
        FilesCode::CannotLook => "参照できない".to_owned(),
        FilesCode::CannotRead => "読み取れない".to_owned(),
        FilesCode::CannotReadList => "ACL を読み取れない".to_owned(),
        FilesCode::TooDeep { max_depth } => format!("ルートから{max_depth}階層より深い"),
        FilesCode::CannotLookUp { name, why } => format!("{name} を検索できない: {why}"),
        FilesCode::NoUser { name } => format!("ユーザー {name} は存在しない"),
        FilesCode::NoGroup { name } => format!("グループ {name} は存在しない"),
        FilesCode::CannotWorkAs { user } => format!("ユーザー {user} として処理できない"),
        FilesCode::NotAsPlanned => "計画時のものではなくなっている".to_owned(),
        FilesCode::Locked => "プロセスがロックしている".to_owned(),
        FilesCode::NotDue => "もう対象ではない".to_owned(),
        FilesCode::Displaced { kept_as } => {
            format!("別のエントリーが置かれたため、{kept_as} として残した")
        }
        FilesCode::RemovedInPart { entries, why } => {
            format!("一部の{entries}件だけを削除し、残りは元に戻した: {why}")
        }
        FilesCode::CannotTake => "取り除けない".to_owned(),
        FilesCode::NotARegularFile => "通常のファイルではない".to_owned(),
        FilesCode::WriterDoesNotAppend { pid } => format!(
            "プロセス {pid} が O_APPEND なしで書き込んでおり、切り詰めると穴が残る。そのプロセスでローテーションする必要がある"
        ),
        FilesCode::CannotShorten => "切り詰められない".to_owned(),
        FilesCode::WrittenBy { pid: Some(pid) } => {
            format!("プロセス {pid} が書き込み用に開いている")
        }
        FilesCode::NotReached { entries } => {
            format!("途中で停止したため、{entries}件を処理していない")
        }
        FilesCode::WrittenBy { pid: None } => "プロセスが書き込み用に開いている".to_owned(),
        FilesCode::Missing { path } => format!("{path} が存在しない"),
        FilesCode::RootIsSymlink { path } => {
            format!("{path} はシンボリックリンクである。リンク先のディレクトリを指定する")
        }
        FilesCode::NotADirectory { path, kind: of } => {
            format!("{path} は{}であり、ディレクトリではない", kind(*of))
        }
        FilesCode::UnsafeOwner { path, uid, above } => format!(
            "{path} の所有者は uid {uid} で、上位ディレクトリを所有する uid {above} に差し替えられうる"
        ),
        FilesCode::UnsafeParent { path, above } => format!(
            "{path} を作成できない: 上位ディレクトリが uid {above} の所有か、他者も書き込める"
        ),
        FilesCode::Exchanged { path } => format!("{path} が作成中に差し替えられた"),
        FilesCode::CannotSetUp { path, why } => {
            format!("{path} を設定できない: {}", japanese(view, why))
        }
        FilesCode::NotAbsolute { path } => format!("{path} は .. を含まない絶対パスではない"),
        FilesCode::CannotOpenRoot { path } => format!("{path} を開けない"),
        FilesCode::SystemPath { path, resolved } => {
            format!("{path} はシステムの {resolved} を指している")
        }
        FilesCode::CannotReadRoot { path } => format!("{path} を読み取れない"),
    }
}

/// What a permission rule says of an entry.
pub(super) fn permissions(view: &View, code: &PermissionsCode) -> String {
    match code {
        PermissionsCode::RootIs(of) => format!("ルートが{}である", kind(*of)),
        PermissionsCode::NotOpened(of) => {
            format!("種類が{}のため、たどることも開くこともしない", kind(*of))
        }
        PermissionsCode::Refused { why, adopt, found, wanted } => {
            let adopt = if *adopt { "(adopt_from で対象にできる)" } else { "" };
            format!(
                "{}{adopt}。現在は {}、あるべき値は {}",
                japanese(view, why),
                access(found),
                access(wanted)
            )
        }
        PermissionsCode::Differs(all) => {
            let one = |Difference { what, found, wanted }: &Difference| {
                format!("{}が {found}(あるべき値: {wanted})", attribute(Lang::Ja, what))
            };
            all.iter().map(one).collect::<Vec<_>>().join("、")
        }
        PermissionsCode::Paused { times, minutes, seconds } => {
            format!("{minutes}分間に{times}回不適合に戻されたため、{seconds}秒間は修復しない")
        }
        PermissionsCode::Watched { by, swept } => {
            let by = match by {
                WatchedBy::Fanotify => "fanotify".to_owned(),
                WatchedBy::Inotify { instead } => {
                    let instead = instead.as_ref().map(|why| format!("({why})"));
                    format!("inotify{}: 変更者は分からない", instead.unwrap_or_default())
                }
            };
            let swept = swept.as_ref().map(|OnlySwept { directories, error }| {
                format!("。{directories}個のディレクトリは巡回のみ: {error}")
            });
            format!("{by} で監視{}", swept.unwrap_or_default())
        }
        PermissionsCode::NotWatched { error } => format!("監視できず、巡回のみ: {error}"),
        PermissionsCode::RootMissing { path } => {
            format!("{path} が存在しない(create = true で作成される)")
        }
    }
}

/// What a cleanup rule left, and why.
pub(super) fn cleanup(view: &View, code: &CleanupCode) -> String {
    match code {
        CleanupCode::WouldGo { why } => format!("掃除の対象: {}", japanese(view, why)),
        CleanupCode::OverLimit { trigger, of, before, after, limit } => {
            let what = match of {
                Measure::Bytes => "一致するものの合計(バイト)",
                Measure::Entries => "一致する件数",
                Measure::DiskBytes => "ファイルシステムの使用バイト数",
                Measure::Inodes => "ファイルシステムの使用 inode 数",
            };
            format!(
                "{trigger}: {what}は{before}、処理後は{after}、上限は{limit}。これ以上は対象にできない"
            )
        }
        CleanupCode::CannotSeeInUse => "使用中のファイルを調べられない".to_owned(),
        CleanupCode::CannotSeeUsage { path } => {
            format!("{path} のファイルシステムの使用量を調べられない")
        }
        CleanupCode::NoCount { path, of } => {
            let what = match of {
                Count::Blocks => "ブロック",
                Count::Inodes => "inode",
            };
            format!("{path} のファイルシステムは{what}の数を管理していない")
        }
        CleanupCode::NoBoot => {
            "ホストの起動時刻が不明で、older_than = boot を判定できない".to_owned()
        }
        CleanupCode::OverCap { path, found, unit, cap, limit } => {
            let unit = match unit {
                Cap::Entries => "件",
                Cap::Bytes => "バイト",
            };
            format!("{path}: 対象が{found}{unit}あり、{cap} = {limit} を超える。何も変更していない")
        }
        CleanupCode::OverRatio { path, found, matching, limit } => format!(
            "{path}: {matching}件中{found}件が対象で、max_ratio = {limit} を超える。何も変更していない"
        ),
        CleanupCode::NoName => "名前がない".to_owned(),
        CleanupCode::CannotLookAtPart { path, why } => {
            format!("中の {path} を参照できない: {}", japanese(view, why))
        }
        CleanupCode::CopyExists { name } => format!("{name} がすでに存在する"),
        CleanupCode::AnotherRun => "このルートでは別の実行が処理中".to_owned(),
        CleanupCode::CannotEmptyTrash { run } => {
            format!("実行 {run} のごみ箱から削除できない")
        }
        CleanupCode::Cannot(task) => cannot(*task).to_owned(),
    }
}

const fn cannot(task: Task) -> &'static str {
    match task {
        Task::Open => "開けない",
        Task::OpenDirectory => "ディレクトリを開けない",
        Task::LockDirectory => "ディレクトリをロックできない",
        Task::OpenRoot => "ルートを開けない",
        Task::LookThrough => "中を調べられない",
        Task::Announce => "対象にすることを記録できない",
        Task::BeginRun => "作業用ディレクトリで実行を開始できない",
        Task::LookThroughTrash => "ごみ箱を調べられない",
        Task::WorkInPrivate => "ルートの作業用ディレクトリで処理できない",
        Task::SeeWriters => "書き込み中のプロセスを調べられない",
        Task::MakeCopy => "圧縮コピーを作成できない",
        Task::LookForCopy => "圧縮コピーの有無を調べられない",
        Task::WriteCopy => "圧縮コピーに書き込めない",
        Task::ReadCopyBack => "圧縮コピーを読み直せない",
    }
}

/// Why an entry is due.
pub(super) fn due(view: &View, code: &DueCode) -> String {
    match code {
        DueCode::Old { limit, age, by } => format!(
            "older_than = {}: 経過時間は{}({by} による)",
            span(view, *limit),
            span(view, *age)
        ),
        DueCode::BeforeBoot { before, by } => {
            format!("older_than = boot: 起動より{}前のもの({by} による)", span(view, *before))
        }
        DueCode::Large { limit, bytes } => format!("larger_than = {limit}: サイズは {bytes}"),
        DueCode::Total { limit, total, allocated, age } => format!(
            "max_total = {limit}: 合計 {total} のうち {allocated} を占める。{}",
            old(view, *age)
        ),
        DueCode::Many { limit, count, age } => {
            format!("max_count = {limit}: {count}件ある。{}", old(view, *age))
        }
        DueCode::Full { high, low, inodes, usage, gain, age } => {
            let (what, unit) = if *inodes { ("の inode 表", "個の inode") } else { ("", "") };
            format!(
                "watermark {high} → {low}: ファイルシステム{what}の使用率は {usage}。{gain}{unit} を占める。{}",
                old(view, *age)
            )
        }
    }
}

fn old(view: &View, age: Age) -> String {
    match age {
        Some(age) => format!("経過時間は{}", span(view, age)),
        None => "日時が現在より後".to_owned(),
    }
}

fn access(Access { mode, uid, gid }: &Access) -> String {
    format!("{mode} {uid}:{gid}")
}

const fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "通常のファイル",
        EntryKind::Directory => "ディレクトリ",
        EntryKind::Symlink => "シンボリックリンク",
        EntryKind::Fifo => "FIFO",
        EntryKind::Socket => "ソケット",
        EntryKind::Device => "デバイス",
    }
}
