//! Versions, lints and profiles are written once, at the top.

use std::path::Path;

use toml::{Table, Value};

use crate::root;

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// One `Cargo.toml`.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Relative to the top.
    path: String,
    table: Table,
}

/// The manifest at the top, then those of the members.
pub(super) fn read_all() -> Result<Vec<Manifest>, String> {
    let mut paths = ["", "tests/", "tests/fuzz/", "xtask/"]
        .map(|folder| format!("{folder}Cargo.toml"))
        .to_vec();
    for folder in ["crates", "bins"] {
        let entries = std::fs::read_dir(root().join(folder))
            .map_err(|error| format!("cannot read `{folder}`: {error}"))?;
        for entry in entries.flatten() {
            let path = Path::new(folder).join(entry.file_name()).join("Cargo.toml");
            if root().join(&path).is_file() {
                paths.push(path.to_string_lossy().into_owned());
            }
        }
    }
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path))
                .map_err(|error| format!("cannot read `{path}`: {error}"))?;
            Manifest::parse(path, &text)
        })
        .collect()
}

/// What does not hold, one line each; the first manifest is the one at the top.
pub(super) fn check(manifests: &[Manifest]) -> Vec<String> {
    let Some((top, members)) = manifests.split_first() else { return Vec::new() };
    let mut findings: Vec<String> = members.iter().flat_map(check_member).collect();
    let declared = top
        .table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    for name in declared.into_iter().flat_map(Table::keys) {
        if !members.iter().any(|member| member.dependencies().any(|(_, used, _)| used == name)) {
            findings.push(format!("{}: nobody uses the dependency `{name}`", top.path));
        }
    }
    findings
}

fn check_member(member: &Manifest) -> Vec<String> {
    let path = &member.path;
    let mut findings = Vec::new();
    for (kind, name, value) in member.dependencies() {
        let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
        if !inherited {
            findings.push(format!("{path}: `{name}` in [{kind}] must be `workspace = true`: its version stands at the top"));
        }
    }
    let inherits = |section: &str, key: &str| {
        let value = member
            .table
            .get(section)
            .and_then(|table| if key.is_empty() { Some(table) } else { table.get(key) });
        value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    if !inherits("lints", "") {
        findings.push(format!("{path}: lacks `[lints] workspace = true`"));
    }
    for key in ["version", "edition", "rust-version", "license"] {
        if !inherits("package", key) {
            findings.push(format!("{path}: lacks `{key}.workspace = true`"));
        }
    }
    findings
}

impl Manifest {
    fn parse(path: impl Into<String>, text: &str) -> Result<Self, String> {
        let path = path.into();
        let table = text.parse().map_err(|error| format!("{path}: {error}"))?;
        Ok(Self { path, table })
    }

    /// Section, name and declaration of each dependency, those of single targets included.
    fn dependencies(&self) -> impl Iterator<Item = (&'static str, &String, &Value)> {
        let targets = self.table.get("target").and_then(Value::as_table);
        let tables = std::iter::once(&self.table)
            .chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
        tables.flat_map(|table| {
            KINDS.into_iter().flat_map(move |kind| {
                let section = table.get(kind).and_then(Value::as_table);
                section.into_iter().flatten().map(move |(name, value)| (kind, name, value))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n";

    fn findings(top: &str, member: &str) -> Vec<String> {
        check(&[
            Manifest::parse("Cargo.toml", top).unwrap(),
            Manifest::parse("crates/x/Cargo.toml", member).unwrap(),
        ])
    }

    #[track_caller]
    fn broken(top: &str, member: &str) {
        assert_eq!(findings(top, member).len(), 1, "{:?}", findings(top, member));
    }

    #[test]
    fn a_member_that_inherits_everything_is_accepted() {
        let member =
            format!("{HEAD}[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n");
        assert_eq!(
            findings("[workspace.dependencies]\nserde = \"1\"", &member),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_version_in_a_member_is_found_in_every_kind_of_section() {
        for section in [
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            for declaration in [
                "\"1\"",
                "{ version = \"1\" }",
                "{ path = \"../y\" }",
                "{ git = \"https://example.org/y\" }",
            ] {
                broken(
                    "",
                    &format!("{HEAD}[lints]\nworkspace = true\n[{section}]\ny = {declaration}\n"),
                );
            }
        }
    }

    #[test]
    fn a_member_with_lints_of_its_own_is_found() {
        broken("", HEAD);
        broken("", &format!("{HEAD}[lints.rust]\nunsafe_code = \"allow\"\n"));
    }

    #[test]
    fn a_member_with_a_version_or_edition_of_its_own_is_found() {
        let head = HEAD.replace("edition.workspace = true", "edition = \"2021\"");
        broken("", &format!("{head}[lints]\nworkspace = true\n"));
    }

    #[test]
    fn a_declared_dependency_that_nobody_uses_is_found() {
        broken(
            "[workspace.dependencies]\nserde = \"1\"",
            &format!("{HEAD}[lints]\nworkspace = true\n"),
        );
    }
}
