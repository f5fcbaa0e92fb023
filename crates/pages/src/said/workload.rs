use evenkeel_shown::said::{BadFolder, WorkloadCode};

/// What is wrong with something that others run.
pub(super) fn workload(code: &WorkloadCode) -> String {
    match code {
        WorkloadCode::CommandEnded { command, code, signal } => match (code, signal) {
            (Some(code), _) => format!("{command} が終了コード {code} で終わった"),
            (None, Some(signal)) => format!("{command} がシグナル {signal} で終わった"),
            (None, None) => format!("{command} が終わった(終わり方は不明)"),
        },
        WorkloadCode::NoProgram { program, near } => {
            format!("supervisord にプログラム {program} が存在しない{}", similar(near))
        }
        WorkloadCode::ProgramFails { program, state, reason: None } => {
            format!("{program} は {state}")
        }
        WorkloadCode::ProgramFails { program, state, reason: Some(reason) } => {
            format!("{program} は {state}: {reason}")
        }
        WorkloadCode::ProgramDone { program, status } => {
            format!("{program} は終了コード {status} で正常に終わった")
        }
        WorkloadCode::ProgramSignalled { program } => format!("{program} はシグナルで終わった"),
        WorkloadCode::ProgramExited { program, status } => {
            format!("{program} は終了コード {status} で終わった")
        }
        WorkloadCode::ProgramNotStarted { program } => {
            format!("{program} はまだ起動されておらず、起動を求められてもいない")
        }
        WorkloadCode::ProgramStopped { program } => format!("{program} は意図的に停止中"),
        WorkloadCode::ProgramIs { program, state } => format!("{program} は {state}"),
        WorkloadCode::ProgramWithoutProcess { program } => {
            format!("supervisord によると {program} は稼働中だが、プロセスが示されない")
        }
        WorkloadCode::FolderRefused { folder, why } => {
            let why = match why {
                BadFolder::NoDirectory => "ディレクトリではない".to_owned(),
                BadFolder::Owner { owner, wanted } => {
                    format!("所有者はユーザー {owner} で、{wanted} ではない")
                }
                BadFolder::Mode(mode) => format!("モードが {mode} で、0700 でなければならない"),
            };
            format!("ディレクトリ {folder} はどの tmux クライアントにも拒否される: {why}")
        }
        WorkloadCode::ProgramCutOff { program } => {
            format!("{program} は evenkeel が行った再起動で停止し、起動されなかった")
        }
        WorkloadCode::NoSession { sessions } => {
            format!("tmux にセッション {} がない", sessions.join("、"))
        }
        WorkloadCode::PaneStalled { pane, seconds } => {
            format!("ペイン {pane} の表示が{seconds}秒間変わらない: 停滞")
        }
        WorkloadCode::PaneSignalled { pane, signal } => {
            format!("ペイン {pane} はシグナル {signal} で終わった")
        }
        WorkloadCode::PaneDone { pane } => {
            format!("ペイン {pane} は終了コード 0 で正常に終わった")
        }
        WorkloadCode::PaneExited { pane, status } => {
            format!("ペイン {pane} は終了コード {status} で終わった")
        }
        WorkloadCode::PaneDead { pane } => {
            format!("ペイン {pane} は終了した(終わり方を tmux が示さない)")
        }
        WorkloadCode::PaneDying { pane } => format!("ペイン {pane} は終了しつつある"),
        WorkloadCode::PaneUnread { pane } => {
            format!("ペイン {pane} の表示を読み取れなかった: 終了したか、全体の表示が多すぎる")
        }
    }
}

/// The names that may have been meant.
pub(super) fn similar(near: &[String]) -> String {
    match near.join("、") {
        none if none.is_empty() => none,
        near => format!("。似た名前: {near}"),
    }
}
