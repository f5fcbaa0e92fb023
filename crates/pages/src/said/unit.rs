use evenkeel_shown::said::{START_LIMIT, UnitCode};

use super::span;
use crate::view::View;

/// What is wrong with a unit of systemd.
pub(super) fn unit(view: &View, code: &UnitCode) -> String {
    match code {
        UnitCode::MemoryUntold { unit } => {
            format!("{unit} のメモリは計測されていない: `MemoryAccounting=` を参照")
        }
        UnitCode::Frozen { unit } => {
            format!("{unit} は凍結されており、どのプロセスも動いていない")
        }
        UnitCode::Inactive { unit } => format!("{unit} は意図的に停止中 (inactive)"),
        UnitCode::Ended { unit } => {
            format!("{unit} は停止中 (inactive): 誰かが止めたのではない")
        }
        UnitCode::Stopping { unit } => format!("{unit} は意図的に停止処理中"),
        UnitCode::Masked { unit } => format!("{unit} は意図的にマスクされている"),
        UnitCode::Unstartable { unit, load } => {
            format!("{unit} は起動できない: ユニットファイルの状態は {load}")
        }
        UnitCode::AwaitsRestart { unit, result, delay, restarts } => format!(
            "{unit} は終了した ({result})。systemd 自身が{}後に再起動する({restarts}回目)",
            span(view, *delay)
        ),
        UnitCode::Is { unit, active, sub, seconds, limit } => {
            let late = limit
                .map(|limit| format!("。systemd の制限時間({})を超えている", span(view, limit)));
            let late = late.unwrap_or_default();
            format!("{unit} は{seconds}秒前から {active} ({sub}){late}")
        }
        UnitCode::Failed { unit, result, restarts } => {
            let why = match result.as_str() {
                "" | "success" => String::new(),
                START_LIMIT => {
                    format!(": 起動の回数が多すぎるため、systemd はもう起動しない ({START_LIMIT})")
                }
                result => format!(": {result}"),
            };
            let restarts = match restarts {
                0 => String::new(),
                many => format!("。systemd による再起動: {many}回"),
            };
            format!("{unit} は失敗した{why}{restarts}")
        }
        UnitCode::Stopped { unit, pid } => {
            format!("{unit} のメインプロセス {pid} はシグナルにより停止中")
        }
    }
}
