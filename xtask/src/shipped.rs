//! Every file we ship is read by the program that will read it.

mod markdown;
mod schema;

use std::path::{Path, PathBuf};

use self::schema::Schema;
use crate::{Outcome, process, root, target, test};

/// What fuzzing is fed with: much of it is wrong on purpose.
const CORPORA: &str = ":!tests/fuzz/corpus";

/// Checks presets and settings in the docs with `evenkeel` and with the schema that editors are given, generated alert rules with promtool, and every link in the docs.
pub(crate) fn run() -> Outcome {
    // On a fresh machine this step is the first to need promtool.
    test::provide_tools()?;
    test::build()?;
    let scratch = Scratch::new()?;
    let mut findings = Vec::new();
    let mut settings = 0;
    let schema = Schema::committed()?;
    for file in files_ending(".toml")? {
        let text = read(&file)?;
        let place = file.display().to_string();
        match text.parse::<toml::Table>() {
            Err(error) => findings.push(format!("{place}: {error}")),
            Ok(table) if file.components().any(|part| part.as_os_str() == "presets") => {
                settings += 1;
                findings.extend(misfits(&schema, &place, &table));
                findings.extend(check_settings(&scratch, &place, &text)?);
                findings.extend(check_rules(&scratch, &place));
            }
            Ok(_) => {}
        }
    }
    for file in files_ending(".md")? {
        let text = read(&file)?;
        for block in markdown::blocks(&text, "toml") {
            let place = format!("{}:{}", file.display(), block.line);
            match block.text.parse::<toml::Table>() {
                Err(error) => findings.push(format!("{place}: {error}")),
                // What someone puts into a manifest of their own is not settings.
                Ok(table) if table.contains_key("dependencies") => {}
                Ok(table) => {
                    settings += 1;
                    findings.extend(misfits(&schema, &place, &table));
                    findings.extend(check_settings(&scratch, &place, &block.text)?);
                }
            }
        }
        let folder = root().join(&file).parent().map(Path::to_owned).unwrap_or_default();
        for link in markdown::relative_links(&text) {
            if !folder.join(&link.text).exists() {
                findings.push(format!(
                    "{}:{}: `{}` leads nowhere",
                    file.display(),
                    link.line,
                    link.text
                ));
            }
        }
    }
    for file in files_ending(".rules.yml")? {
        let checked = process::output(
            "promtool",
            &["check".as_ref(), "rules".as_ref(), root().join(&file).as_os_str()],
        );
        findings.extend(checked.err().map(|problem| format!("{}: {problem}", file.display())));
    }
    if findings.is_empty() {
        println!(
            "{settings} presets and examples are accepted; promtool accepts the rules of each preset, and those in the docs"
        );
        return Ok(());
    }
    Err(findings.join("\n"))
}

/// What of settings an editor would mark, though the program takes it.
fn misfits(schema: &Schema, place: &str, table: &toml::Table) -> Vec<String> {
    schema.misfits(table).into_iter().map(|misfit| format!("{place}: schema: {misfit}")).collect()
}

/// Settings that are refused, in the words of the program; `place` says where they stand.
///
/// `config show` and not `config check`: that one also asks the host, which need not have the users that an example names.
fn check_settings(scratch: &Scratch, place: &str, text: &str) -> Result<Option<String>, String> {
    let path = scratch.write("settings.toml", text)?;
    let shown = process::output(
        program("evenkeel"),
        &["config".as_ref(), "show".as_ref(), "--config".as_ref(), path.as_os_str()],
    );
    Ok(shown.err().map(|problem| format!("{place}: {problem}")))
}

/// Rules that promtool refuses, for the settings that were written last.
fn check_rules(scratch: &Scratch, place: &str) -> Option<String> {
    let settings = scratch.path.join("settings.toml");
    let rules = process::output(
        program("evenkeel-metrics"),
        &["rules".as_ref(), "--config".as_ref(), settings.as_os_str()],
    );
    let checked = rules.and_then(|text| {
        let path = scratch.write("rules.yml", &text)?;
        process::output("promtool", &["check".as_ref(), "rules".as_ref(), path.as_os_str()])
    });
    checked.err().map(|problem| format!("{place}: {problem}"))
}

fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Tracked files, relative to the top.
fn files_ending(ending: &str) -> Result<Vec<PathBuf>, String> {
    let listed = process::output(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            &format!("*{ending}"),
            CORPORA,
        ],
    )?;
    Ok(listed.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect())
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(root().join(file))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// A folder below `target` for what is handed to the programs.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, String> {
        let path = root().join("target").join("xtask-shipped");
        std::fs::create_dir_all(&path)
            .map_err(|error| format!("cannot make `{}`: {error}", path.display()))?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.path.join(name);
        std::fs::write(&path, text)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(path)
    }
}
