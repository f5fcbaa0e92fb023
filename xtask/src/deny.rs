//! `cargo deny check` where it is installed; else the part of it that needs neither the tool nor its database.

mod licence;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Table;

use crate::{Outcome, process, root};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A crate of someone else that we build with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

/// Checks licences, duplicate versions and the standing of each exception; advisories only through cargo-deny.
pub(crate) fn run() -> Outcome {
    if process::exists("cargo-deny") {
        return process::run("cargo", &["deny", "check"]);
    }
    println!(
        "cargo deny was NOT run: it is not installed, and too heavy to install for each run. Advisories are therefore not\n\
         checked here, for want of its database; licences, duplicates and the exceptions in deny.toml are, offline."
    );
    let text = std::fs::read_to_string(root().join("deny.toml"))
        .map_err(|error| format!("deny.toml: {error}"))?;
    let rules: Table = text.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let packages = foreign_packages()?;
    let findings = [licences(&packages, &rules), stale_exceptions(&packages, &rules)].concat();
    for (name, versions) in duplicates(&packages) {
        println!("in {} versions: {name} {}", versions.len(), versions.join(", "));
    }
    if findings.is_empty() {
        println!("{} packages: every licence is allowed", packages.len());
        return Ok(());
    }
    Err(findings.join("\n"))
}

/// Packages whose licence does not let us use them, and allowed licences that no package needs.
fn licences(packages: &[Package], rules: &Table) -> Vec<String> {
    let allowed: Vec<&str> = rules
        .get("licenses")
        .and_then(|licenses| licenses.get("allow"))
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in packages {
        let Package { name, version, licence } = package;
        match licence {
            None => findings.push(format!("{name} {version}: states no licence")),
            Some(expression) => match licence::satisfy(expression, &allowed) {
                Ok(Some(needed)) => used.extend(needed),
                Ok(None) => findings
                    .push(format!("{name} {version}: `{expression}` is not allowed by deny.toml")),
                Err(problem) => {
                    findings.push(format!("{name} {version}: `{expression}`: {problem}"));
                }
            },
        }
    }
    let unused = allowed.iter().filter(|allowed| !used.contains(**allowed));
    findings.extend(
        unused.map(|licence| format!("deny.toml: no package needs the licence `{licence}`")),
    );
    findings
}

/// Exceptions for a crate that is no longer built. The reason of each begins with the crate's name in backticks.
fn stale_exceptions(packages: &[Package], rules: &Table) -> Vec<String> {
    let ignored = rules
        .get("advisories")
        .and_then(|advisories| advisories.get("ignore"))
        .and_then(toml::Value::as_array);
    let mut findings = Vec::new();
    for exception in ignored.into_iter().flatten() {
        let id = exception
            .get("id")
            .and_then(toml::Value::as_str)
            .unwrap_or("an exception without `id`");
        let reason = exception.get("reason").and_then(toml::Value::as_str).unwrap_or_default();
        match reason.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            None => findings.push(format!(
                "deny.toml: {id}: its reason does not begin with the crate in backticks"
            )),
            Some((name, _)) if packages.iter().all(|package| package.name != name) => {
                findings.push(format!(
                    "deny.toml: {id}: `{name}` is no longer built; the exception must go"
                ));
            }
            Some(_) => {}
        }
    }
    findings
}

fn duplicates(packages: &[Package]) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn foreign_packages() -> Result<Vec<Package>, String> {
    let text = process::output(
        "cargo",
        &["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET],
    )?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let built: BTreeSet<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node["id"].as_str())
        .collect();
    Ok(metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| !package["source"].is_null())
        .filter(|package| package["id"].as_str().is_some_and(|id| built.contains(id)))
        .map(|package| Package {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            version: package["version"].as_str().unwrap_or_default().to_owned(),
            licence: package["license"].as_str().map(str::to_owned),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn package(name: &str, version: &str, licence: &str) -> Package {
        let licence = (!licence.is_empty()).then(|| licence.to_owned());
        Package { name: name.to_owned(), version: version.to_owned(), licence }
    }

    fn rules(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn a_licence_that_is_not_allowed_or_not_stated_is_found() {
        let rules = rules("[licenses]\nallow = [\"MIT\"]");
        let good = package("good", "1.0.0", "MIT OR GPL-3.0");
        assert_eq!(licences(from_ref(&good), &rules), Vec::<String>::new());
        assert_eq!(licences(&[good.clone(), package("bad", "1.0.0", "GPL-3.0")], &rules).len(), 1);
        assert_eq!(licences(&[good.clone(), package("bad", "1.0.0", "")], &rules).len(), 1);
        assert_eq!(licences(&[good, package("bad", "1.0.0", "MIT AND (")], &rules).len(), 1);
    }

    #[test]
    fn an_allowed_licence_that_nothing_needs_is_found() {
        let rules = rules("[licenses]\nallow = [\"MIT\", \"ISC\"]");
        assert_eq!(licences(&[package("a", "1.0.0", "MIT")], &rules).len(), 1);
    }

    #[test]
    fn an_exception_for_a_crate_that_is_gone_is_found() {
        let rules =
            rules("[advisories]\nignore = [{ id = \"RUSTSEC-1\", reason = \"`old`: why\" }]");
        assert_eq!(
            stale_exceptions(&[package("old", "1.0.0", "MIT")], &rules),
            Vec::<String>::new()
        );
        assert_eq!(stale_exceptions(&[package("new", "1.0.0", "MIT")], &rules).len(), 1);
    }

    #[test]
    fn an_exception_that_does_not_name_its_crate_is_found() {
        let rules = rules("[advisories]\nignore = [{ id = \"RUSTSEC-1\", reason = \"why\" }]");
        assert_eq!(stale_exceptions(&[], &rules).len(), 1);
    }

    #[test]
    fn a_crate_in_two_versions_is_listed_with_both() {
        let packages = [
            package("syn", "2.0.0", "MIT"),
            package("one", "1.0.0", "MIT"),
            package("syn", "3.0.0", "MIT"),
        ];
        assert_eq!(duplicates(&packages), BTreeMap::from([("syn", vec!["2.0.0", "3.0.0"])]));
    }
}
