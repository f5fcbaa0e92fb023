use evenkeel_config::load_text;
use evenkeel_import::{Format, import};

/// A file of another program's rules; the first line says whose: `tmpfiles`, `logrotate` or `cron`.
///
/// What comes out are settings; a single rule loads, and several do where they do not contradict one another. Each part that was
/// left out is told with a line that the file has.
pub fn imports(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, text) = text.split_once('\n').unwrap_or((&text, ""));
    let formats = [Format::Tmpfiles, Format::Logrotate, Format::Cron];
    let Some(format) = formats.into_iter().find(|format| format.as_str() == name) else { return };
    let imported = import(format, text);
    let lines = text.lines().count();
    let mut last = 0;
    for left_out in &imported.left_out {
        assert!((1..=lines).contains(&left_out.line), "{left_out:?} of {lines} lines");
        assert!(last <= left_out.line, "line {} is told after line {last}", left_out.line);
        last = left_out.line;
    }
    let settings = imported.to_toml();
    super::assert_harmless(&settings);
    if let Err(error) = load_text("imported.toml", &settings) {
        // Lines that contradict one another become rules that do.
        let rules = settings.lines().filter(|line| line.starts_with('[')).count();
        let is_toml = error.problems().iter().all(|problem| problem.message() != "not TOML");
        assert!(is_toml && rules > 1, "{error}\n\n{settings}");
    }
}
