use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
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

/// Prints one JSON document of many on a line of its own, as what goes on without end is read.
pub fn print_json_line(document: &impl Serialize) {
    let mut out = io::stdout().lock();
    if serde_json::to_writer(&mut out, document).is_ok() {
        let _ = writeln!(out);
    }
}

/// So many rows are laid out together: a plan may have millions, and a laid-out row takes a kilobyte.
const ROWS_AT_A_TIME: usize = 1000;

/// With fewer columns than these a sentence cannot be read.
const LAST_COLUMN: usize = 16;

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
        if let Some(width) = width {
            keep_short_columns_whole(&mut table, width);
        }
        print_line(table.trim_fmt());
    }
}

/// Where there is room for it, only the last column is broken: it has the sentences, the others names and times.
fn keep_short_columns_whole(table: &mut Table, width: usize) {
    let widths = table.column_max_content_widths();
    let Some((_, short)) = widths.split_last() else { return };
    // Each column has a blank on either side.
    let taken: usize = short.iter().map(|column| usize::from(*column) + 2).sum();
    if taken + LAST_COLUMN <= width {
        for column in table.column_iter_mut().take(short.len()) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
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
