use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::fit;

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
/// On a terminal long texts are broken so that each column keeps its place.
pub fn print_table<Row>(headings: &[&str], rows: impl IntoIterator<Item = Row>)
where
    Row: IntoIterator<Item = String>,
{
    let width = fit::terminal_width();
    let mut rows = rows.into_iter().peekable();
    let mut headings = Some(headings);
    while headings.is_some() || rows.peek().is_some() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        // A program that reads it gets one line for each row, however long.
        if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if let Some(headings) = headings.take() {
            table.set_header(headings.to_vec());
        }
        for row in rows.by_ref().take(ROWS_AT_A_TIME) {
            table.add_row(row.into_iter().collect::<Vec<_>>());
        }
        print_line(table.trim_fmt());
    }
}

/// `text` with everything escaped that a terminal would obey or that reorders a line: a file's name must not drive a terminal.
pub fn escaped(text: impl AsRef<std::ffi::OsStr>) -> String {
    evenkeel_shown::escaped(&text.as_ref().to_string_lossy())
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
