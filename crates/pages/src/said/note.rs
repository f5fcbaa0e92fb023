use evenkeel_shown::said::Note;

/// What follows something that was said.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::WhileStarved => "(エージェント自身の停滞中)".to_owned(),
        Note::WhileMostTimeOut => "(大半のチェックが同時にタイムアウト中)".to_owned(),
        Note::Starts(seconds) => format!("(起動中のため、{seconds}秒後に判定)"),
        Note::SupervisordDead => ": supervisord は終了している".to_owned(),
        Note::SupervisordNotRunning => {
            "。待ち受けるプロセスもない: supervisord は動いていない".to_owned()
        }
        Note::SupervisordUnreachable => {
            ": supervisord とそのプログラムは正常かもしれないが、再起動されるまで照会できない"
                .to_owned()
        }
        Note::SupervisordFrozen => ": supervisord は凍結されている".to_owned(),
        Note::OverloadedOrStuck => ": 過負荷、または停滞".to_owned(),
        Note::FrozenOrOverloaded => ": 凍結または過負荷".to_owned(),
    }
}
