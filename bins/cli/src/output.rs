use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

/// Prints one line to standard output. A reader that has gone away (`| head`) is no error.
pub fn print_line(line: impl Display) {
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// Prints one line to standard error, beside a result that goes to standard output.
pub fn print_remark(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Prints one JSON document to standard output.
pub fn print_json(document: &impl Serialize) {
    let mut out = io::stdout().lock();
    if serde_json::to_writer_pretty(&mut out, document).is_ok() {
        let _ = writeln!(out);
    }
}

/// So many rows are laid out together: a plan may have millions, and a laid-out row takes a kilobyte.
const ROWS_AT_A_TIME: usize = 1000;

/// Prints rows below their headings, without a frame: ready for `grep` and `awk`. A thousand rows at a time are aligned.
pub fn print_table<Row>(headings: &[&str], rows: impl IntoIterator<Item = Row>)
where
    Row: IntoIterator<Item = String>,
{
    let mut rows = rows.into_iter().peekable();
    let mut headings = Some(headings);
    while headings.is_some() || rows.peek().is_some() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if let Some(headings) = headings.take() {
            table.set_header(headings.to_vec());
        }
        for row in rows.by_ref().take(ROWS_AT_A_TIME) {
            table.add_row(row.into_iter().collect::<Vec<_>>());
        }
        print_line(table.trim_fmt());
    }
}

/// `text` with control characters and bytes outside UTF-8 escaped: a file's name must not drive a terminal.
pub fn escaped(text: impl AsRef<std::ffi::OsStr>) -> String {
    text.as_ref().to_string_lossy().chars().fold(String::new(), |mut out, char| {
        if char.is_control() {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
        out
    })
}

pub(crate) fn print_error(program: &str, message: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{program}: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_an_escape_sequence_is_shown_not_obeyed() {
        assert_eq!(escaped("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
    }
}
