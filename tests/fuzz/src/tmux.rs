use evenkeel_tmux::fuzzing;

use crate::assert_harmless;

/// What tmux prints: a listing of panes, in which sessions are called whatever somebody chose; and what panes show.
///
/// Names are shown harmless, and targets of tmux's commands. Whoever writes on a pane cannot make another's fingerprint.
pub fn tmux(data: &[u8]) {
    if let Ok(panes) = fuzzing::panes(data) {
        for pane in &panes {
            assert!(pane.id[1..].bytes().all(|byte| byte.is_ascii_digit()), "{:?}", pane.id);
            assert_harmless(&pane.name());
            assert!(!pane.name().contains('\n'), "{:?}", pane.name());
        }
    }
    const MARK: &str = "0123456789abcdef";
    let shown = [format!("{MARK} %1 0 0 0 0\n").as_bytes(), data].concat();
    let knows_the_mark = data.windows(MARK.len()).any(|window| window == MARK.as_bytes());
    let prints = fuzzing::fingerprints(&shown, MARK, false);
    assert!(prints.contains_key("%1"), "the pane is gone");
    assert!(knows_the_mark || prints.len() == 1, "it passes for others: {prints:?}");
    let cut = fuzzing::fingerprints(&shown, MARK, true);
    assert!(knows_the_mark || cut.is_empty(), "the last one is not whole: {cut:?}");
}
