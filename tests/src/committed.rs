use std::path::Path;

/// How much of a text that differs is shown around the first line that does.
const LINES: usize = 12;

/// Compares what people read with what is committed, so that a change of it is read before it is made.
///
/// With `BLESS=1` in the environment (which is no setting, as `EVENKEEL_…` would be) the file is written anew instead; `git diff` then shows the change.
///
/// # Panics
/// If it differs.
#[track_caller]
pub fn is_as_committed(file: &Path, shown: &str) {
    if std::env::var_os("BLESS").is_some() {
        let folder = file.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("the work tree can be written");
        std::fs::write(file, shown).expect("the work tree can be written");
        return;
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    if committed == shown {
        return;
    }
    let same = committed.lines().zip(shown.lines()).take_while(|(old, new)| old == new).count();
    let part = |text: &str| {
        text.lines().skip(same).take(LINES).map(|line| format!("  {line}\n")).collect::<String>()
    };
    panic!(
        "`{}` says something else from line {} on.\nwas:\n{}is:\n{}If that is meant: BLESS=1, and read the difference before it is committed.",
        file.display(),
        same + 1,
        part(&committed),
        part(shown),
    );
}
