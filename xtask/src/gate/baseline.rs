//! What was counted before, and by which compiler.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::process;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Baseline {
    /// As [`toolchain`] gives it.
    pub(super) toolchain: String,
    /// Instructions an item, by workload.
    pub(super) per_item: BTreeMap<String, f64>,
}

impl Baseline {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let problem = |words: String| {
            format!("{}: {words}; `cargo xtask bench gate --update` makes it", path.display())
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        std::fs::write(path, self.text())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let toolchain = document["toolchain"].as_str().ok_or("no `toolchain`")?.to_owned();
        let counts = document["instructions_an_item"].as_object();
        let per_item = counts.into_iter().flatten().map(|(name, count)| {
            let count = count.as_f64().ok_or_else(|| format!("`{name}` is not a number"))?;
            Ok((name.clone(), count))
        });
        Ok(Self { toolchain, per_item: per_item.collect::<Result<_, String>>()? })
    }

    /// One line for each workload, so that a change shows what changed.
    fn text(&self) -> String {
        let rounded =
            self.per_item.iter().map(|(name, count)| (name, (count * 10.0).round() / 10.0));
        let per_item: BTreeMap<_, _> = rounded.collect();
        let document = json!({ "toolchain": self.toolchain, "instructions_an_item": per_item });
        format!("{document:#}\n")
    }
}

/// What decides the instructions besides the source: the compiler, and the kind of machine it compiles for.
pub(super) fn toolchain() -> Result<String, String> {
    let told = process::output("rustc", &["--version", "--verbose"])?;
    let line = |start: &str| told.lines().find_map(|line| line.strip_prefix(start)).unwrap_or("?");
    Ok(format!("rustc {} for {}", line("release: "), line("host: ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let per_item = BTreeMap::from([("page".to_owned(), 1234.5), ("engine".to_owned(), 7.0)]);
        let baseline = Baseline { toolchain: "rustc 1.95.0 for x".to_owned(), per_item };
        assert_eq!(Baseline::parse(&baseline.text()), Ok(baseline));
    }

    #[test]
    fn a_baseline_that_is_none_is_refused() {
        assert!(Baseline::parse("{}").unwrap_err().contains("toolchain"));
        let words = r#"{ "toolchain": "x", "instructions_an_item": { "page": "many" } }"#;
        assert!(Baseline::parse(words).unwrap_err().contains("`page`"));
    }
}
