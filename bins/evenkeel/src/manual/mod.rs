//! The manual page of the settings, `evenkeel.toml(5)`, made of the same schema that editors are given.

mod keys;

use std::path::{Path, PathBuf};

use evenkeel_cli::{Failure, escaped_path};
use roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

/// The section of manual pages that is about files.
const FILES: &str = "man5";
/// The one that is about programs.
const PROGRAMS: &str = "man1";

const LAYERS: &str = "\
Settings are TOML. They are read in layers, of which a later one wins key by key: what is built in, `/etc/evenkeel/evenkeel.toml`, \
`/etc/evenkeel/conf.d/*.toml` by their names, variables of the environment such as `EVENKEEL_AGENT__MODE=observe` (two underscores \
between levels), what `--config` names, and `--set key=value`.";

const CHECKS: &str = "\
An unknown key is an error, with its file, its line and the nearest known key; so is a value that can never do its work. \
`evenkeel config check` says what is wrong, `evenkeel config show --origin` what is in force and from where, and `evenkeel config schema` \
prints what is below for editors. Settings that are refused change nothing: an agent goes on with those it has.";

/// Writes the page into a directory of manual pages; where that is a `man1`, into the `man5` beside it.
///
/// Fails if it cannot be written.
pub(crate) fn write(dir: &Path) -> Result<(), Failure> {
    let folder = folder(dir);
    let place = folder.join("evenkeel.toml.5");
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller names the directory, as for the pages beside it"
    )]
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&place, page()));
    written.map_err(|error| {
        Failure::refused_because(format!("cannot write `{}`: {error}", escaped_path(&place)))
    })
}

fn folder(dir: &Path) -> PathBuf {
    if dir.file_name().is_some_and(|name| name == PROGRAMS) {
        dir.with_file_name(FILES)
    } else {
        dir.to_owned()
    }
}

fn page() -> String {
    let schema: Value =
        serde_json::from_str(evenkeel_config::schema()).expect("a test reads the schema");
    let mut page = Roff::new();
    let version = format!("evenkeel {}", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["evenkeel.toml", "5", "", &version]);
    page.control("SH", ["NAME"]);
    page.text([roman("evenkeel.toml - settings of evenkeel")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text(prose(LAYERS));
    page.control("PP", []);
    page.text(prose(CHECKS));
    page.control("SH", ["EXAMPLE"]);
    example(&mut page, evenkeel_config::preset("minimal").expect("a preset that is shipped"));
    page.text(prose("`evenkeel config init --preset tmux-supervisor` prints a longer one."));
    keys::write(&mut page, &schema);
    page.control("SH", ["FILES"]);
    page.text(prose("`/etc/evenkeel/evenkeel.toml`, `/etc/evenkeel/conf.d/*.toml`"));
    page.control("SH", ["SEE ALSO"]);
    page.text([
        bold("evenkeel"),
        roman("(1), "),
        bold("evenkeel-config"),
        roman("(1), "),
        bold("evenkeel-run"),
        roman("(1)"),
    ]);
    page.to_roff()
}

/// Lines as they are.
fn example(page: &mut Roff, text: &str) {
    page.control("PP", []);
    page.control("nf", []);
    for line in text.lines() {
        // An empty line would be a paragraph of its own.
        page.text([roman(if line.is_empty() { " " } else { line })]);
    }
    page.control("fi", []);
    page.control("PP", []);
}

/// Text in which what stands between backticks is written as it is typed.
fn prose(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .map(|(place, part)| if place % 2 == 1 { bold(part) } else { roman(part) })
        .collect()
}

/// What a key is set to, behind its name.
fn form(text: &str) -> Inline {
    italic(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_key_of_the_settings() {
        let page = page();
        let schema: Value = serde_json::from_str(evenkeel_config::schema()).unwrap();
        let mut keys = 0;
        for table in schema["$defs"].as_object().unwrap().values() {
            for key in table["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
                keys += 1;
                let written = format!("\\fB{}\\fR", key.replace('-', "\\-"));
                assert!(page.contains(&written), "{key}");
            }
        }
        assert!(keys > 200, "{keys}");
    }

    #[test]
    fn pages_of_programs_and_of_files_lie_in_folders_of_their_own() {
        assert_eq!(folder(Path::new("/usr/share/man/man1")), Path::new("/usr/share/man/man5"));
        assert_eq!(folder(Path::new("pages")), Path::new("pages"));
    }
}
