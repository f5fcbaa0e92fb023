//! Which crate may depend on which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process;

/// Libraries that know nothing of one another; the engine joins them.
const CONCERNS: [&str; 6] = ["permissions", "cleanup", "probe", "health", "recovery", "metrics"];
const SAFEFS: &str = "evenkeel-safefs";
const ENGINE: &str = "evenkeel-engine";
/// The only ones that drive the engine; the last has its instructions counted.
const DRIVERS: [&str; 3] = ["evenkeel-agent", "evenkeel-simulator", "evenkeel-gate"];
/// Decide without a runtime: their manifests do not even name one.
const PURE: [&str; 4] =
    ["evenkeel-health", "evenkeel-engine", "evenkeel-moment", "evenkeel-simulator"];
const RUNTIMES: [&str; 4] = ["tokio", "nix", "rustix", "hyper"];

/// Clients and small tools that several concerns share: they know nothing of ours but one another and safefs.
const LEAVES: [&str; 10] = [
    "figures",
    "moment",
    "names",
    "pages",
    "process",
    "command",
    "shown",
    "supervisord",
    "systemd",
    "tmux",
];

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub(super) struct Member {
    name: String,
    /// Its folder, relative to the top.
    folder: String,
    /// What it depends on, tests included.
    direct: BTreeSet<String>,
    /// What it depends on when it is built for use.
    normal: BTreeSet<String>,
}

/// The workspace as cargo sees it; needs no network.
pub(super) fn read() -> Result<Vec<Member>, String> {
    let text =
        process::output("cargo", &["metadata", "--format-version", "1", "--offline", "--no-deps"])?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let top = metadata["workspace_root"].as_str().unwrap_or_default().to_owned();
    Ok(list(&metadata["packages"]).iter().map(|package| member(package, &top)).collect())
}

/// What does not hold, one line each.
pub(super) fn check(members: &[Member]) -> Vec<String> {
    let mut findings = Vec::new();
    let by_name: BTreeMap<&str, &Member> =
        members.iter().map(|member| (member.name.as_str(), member)).collect();
    let concerns = CONCERNS.map(|concern| format!("evenkeel-{concern}"));
    for member in members {
        let name = &member.name;
        let reached = reach(&by_name, name);
        let is_library = member.folder.starts_with("crates/");
        if concerns.contains(name) || name == SAFEFS {
            findings.extend(
                concerns
                    .iter()
                    .filter(|other| {
                        *other != name
                            && (reached.contains(*other) || member.direct.contains(*other))
                    })
                    .map(|other| {
                        format!("{name} depends on {other}: concerns do not know one another")
                    }),
            );
        }
        if member.direct.contains(ENGINE) && !DRIVERS.contains(&name.as_str()) {
            findings.push(format!("{name} depends on {ENGINE}: only {} do", DRIVERS.join(" and ")));
        }
        for other in &member.direct {
            let Some(folder) = by_name.get(other.as_str()).map(|other| other.folder.as_str())
            else {
                continue;
            };
            let is_shared_by_programs = folder == "bins/cli" && !is_library;
            if !folder.starts_with("crates/") && !is_shared_by_programs {
                findings.push(format!(
                    "{name} depends on {other}: nothing depends on a program, its tests or xtask"
                ));
            }
        }
        if is_leaf(name) {
            let ours = reached.iter().filter(|other| by_name.contains_key(other.as_str()));
            // safefs lies below them: it alone may make the calls that no crate offers.
            let others = ours.filter(|other| !is_leaf(other) && *other != SAFEFS);
            findings.extend(others.map(|other| {
                format!("{name} depends on {other}: what everybody shares stands on its own")
            }));
        }
        if PURE.contains(&name.as_str()) {
            findings.extend(
                RUNTIMES.iter().filter(|runtime| member.normal.contains(**runtime)).map(
                    |runtime| {
                        format!("{name} depends on {runtime}: it decides and touches nothing")
                    },
                ),
            );
        }
        if name != "evenkeel-recovery" && member.direct.contains("backoff") {
            findings.push(format!("{name} depends on backoff: it stays behind evenkeel-recovery"));
        }
    }
    findings
}

fn is_leaf(name: &str) -> bool {
    name.strip_prefix("evenkeel-").is_some_and(|name| LEAVES.contains(&name))
}

/// Everything that `name` is built with, through our own crates.
fn reach(by_name: &BTreeMap<&str, &Member>, name: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![name.to_owned()];
    while let Some(next) = waiting.pop() {
        for other in by_name.get(next.as_str()).into_iter().flat_map(|member| &member.normal) {
            if reached.insert(other.clone()) {
                waiting.push(other.clone());
            }
        }
    }
    reached
}

fn member(package: &Value, top: &str) -> Member {
    let dependencies = list(&package["dependencies"]);
    let names = |wanted: &dyn Fn(&Value) -> bool| {
        dependencies
            .iter()
            .filter(|dependency| wanted(dependency))
            .filter_map(|dependency| dependency["name"].as_str())
            .map(str::to_owned)
            .collect()
    };
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    Member {
        name: package["name"].as_str().unwrap_or_default().to_owned(),
        folder: manifest
            .trim_start_matches(top)
            .trim_start_matches('/')
            .trim_end_matches("/Cargo.toml")
            .to_owned(),
        direct: names(&|_| true),
        normal: names(&|dependency| dependency["kind"].as_str() != Some("dev")),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, normal: &[&str]) -> Member {
        let folder = match name {
            "xtask" => "xtask".to_owned(),
            "evenkeel-tests" => "tests".to_owned(),
            "evenkeel-cli" | "evenkeel" | "evenkeel-probe-bin" => {
                format!("bins/{}", name.trim_start_matches("evenkeel-"))
            }
            _ => format!("crates/{}", name.trim_start_matches("evenkeel-")),
        };
        let normal: BTreeSet<String> = normal.iter().map(|name| (*name).to_owned()).collect();
        Member { name: name.to_owned(), folder, direct: normal.clone(), normal }
    }

    #[track_caller]
    fn broken(members: &[Member]) {
        assert_eq!(check(members).len(), 1, "{:?}", check(members));
    }

    #[test]
    fn the_intended_graph_is_accepted() {
        let members = [
            member("evenkeel-safefs", &["rustix", "nix"]),
            member("evenkeel-permissions", &["evenkeel-safefs", "tokio"]),
            member("evenkeel-moment", &["serde"]),
            member("evenkeel-command", &["tokio"]),
            member("evenkeel-tmux", &["evenkeel-command"]),
            member("evenkeel-systemd", &["zbus", "tokio"]),
            member("evenkeel-process", &["evenkeel-moment", "rustix"]),
            member("evenkeel-probe", &["evenkeel-process"]),
            member("evenkeel-health", &["evenkeel-moment"]),
            member("evenkeel-recovery", &["evenkeel-moment", "backoff", "tokio"]),
            member("evenkeel-engine", &["evenkeel-health"]),
            member("evenkeel-agent", &["evenkeel-engine", "evenkeel-permissions"]),
            member("evenkeel-simulator", &["evenkeel-engine", "evenkeel-permissions"]),
            member("evenkeel-cli", &["evenkeel-agent"]),
            member("evenkeel", &["evenkeel-agent", "evenkeel-cli"]),
        ];
        assert_eq!(check(&members), Vec::<String>::new());
    }

    #[test]
    fn a_concern_that_depends_on_another_is_found() {
        broken(&[member("evenkeel-probe", &["evenkeel-health"]), member("evenkeel-health", &[])]);
    }

    #[test]
    fn a_concern_that_reaches_another_through_a_third_crate_is_found() {
        broken(&[
            member("evenkeel-probe", &["evenkeel-journal"]),
            member("evenkeel-journal", &["evenkeel-recovery"]),
            member("evenkeel-recovery", &[]),
        ]);
    }

    #[test]
    fn a_concern_that_depends_on_another_in_its_tests_is_found() {
        let mut probe = member("evenkeel-probe", &[]);
        probe.direct.insert("evenkeel-health".to_owned());
        broken(&[probe]);
    }

    #[test]
    fn safefs_on_a_concern_is_found() {
        broken(&[
            member("evenkeel-safefs", &["evenkeel-cleanup"]),
            member("evenkeel-cleanup", &[]),
        ]);
    }

    #[test]
    fn a_leaf_on_another_crate_of_ours_is_found() {
        broken(&[
            member("evenkeel-process", &["evenkeel-journal"]),
            member("evenkeel-journal", &[]),
        ]);
    }

    #[test]
    fn a_crate_that_drives_the_engine_besides_the_agent_is_found() {
        broken(&[member("evenkeel-config", &["evenkeel-engine"]), member("evenkeel-engine", &[])]);
    }

    #[test]
    fn a_dependency_on_a_program_is_found() {
        broken(&[member("evenkeel-agent", &["evenkeel"]), member("evenkeel", &[])]);
        broken(&[member("evenkeel-agent", &["evenkeel-cli"]), member("evenkeel-cli", &[])]);
        broken(&[member("evenkeel", &["xtask"]), member("xtask", &[])]);
    }

    #[test]
    fn a_pure_crate_with_a_runtime_is_found() {
        broken(&[member("evenkeel-health", &["tokio"])]);
    }

    #[test]
    fn a_shared_client_that_depends_on_what_uses_it_is_found() {
        broken(&[member("evenkeel-systemd", &["evenkeel-config"]), member("evenkeel-config", &[])]);
    }

    #[test]
    fn backoff_outside_recovery_is_found() {
        broken(&[member("evenkeel-probe", &["backoff"])]);
    }
}
