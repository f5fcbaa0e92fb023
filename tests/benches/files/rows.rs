//! The rows: the same work by our programs, by others, and by the bare system calls.

use std::ffi::OsString;
use std::path::Path;

use evenkeel_tests::find_bin;

use crate::args::Args;
use crate::contest::{Contender, hold};
use crate::report::{Contest, Report};
use crate::tree::Tree;
use crate::{floor, host};

/// What changes files needs the tree made anew each time.
const LARGEST_CHANGED: u64 = 100_000;
const ROUNDS_OF_CHANGES: usize = 5;

/// All rows that are wanted, on trees in `place`.
pub(crate) fn measure(args: &Args, place: &Path, report: &mut Report) {
    if !["sweep", "plan", "fix", "delete"].iter().any(|row| args.wants(row)) {
        return;
    }
    let filesystem = host::filesystem(place);
    for files in args.scales() {
        if let Some(obstacle) = host::obstacle(place, files) {
            report.shared.left_out.push(format!("{files} files on {filesystem}: {obstacle}"));
            continue;
        }
        eprintln!("{files} files on {filesystem} …");
        let tree = Tree::new(place, files);
        let bench = Bench { args, tree: &tree, files, filesystem: &filesystem };
        if args.wants("sweep") {
            report.contests.push(bench.sweep());
        }
        if args.wants("plan") {
            report.contests.push(bench.plan("nothing is due", 30));
            report.contests.push(bench.plan("everything is due", 7));
        }
        if files > LARGEST_CHANGED {
            continue;
        }
        if args.wants("fix") {
            report.contests.push(bench.fix());
        }
        if args.wants("delete") {
            report.contests.push(bench.delete());
        }
    }
}

struct Bench<'a> {
    args: &'a Args,
    tree: &'a Tree,
    files: u64,
    filesystem: &'a str,
}

impl Bench<'_> {
    fn sweep(&self) -> Contest {
        let test = ["(", "-type", "f", "-name", "*.hash", "!", "-perm", "0644", "-o"];
        let test = test.into_iter().chain(["-type", "d", "!", "-perm", "0755", ")"]);
        let mut contenders = vec![
            self.ours("evenkeel-permissions", "check", &PERMISSIONS),
            self.find(test.chain(["-print"])),
        ];
        contenders.extend(self.tmpfiles("--create", "Z", "~0755"));
        contenders.extend(floors(&self.tree.root()));
        self.contest("sweep", "nothing to do", &contenders)
    }

    fn plan(&self, what: &'static str, days: u32) -> Contest {
        let older = format!("+{}", days - 1);
        let mut contenders = vec![
            self.ours("evenkeel-cleanup", "plan", &cleanup(days)),
            self.find(["-type", "f", "-name", "*.hash", "-mtime", &older, "-print"]),
        ];
        if what == "nothing is due" {
            contenders.extend(self.tmpfiles("--clean", "e", &age(days)));
        }
        contenders.extend(floors(&self.tree.root()));
        self.contest("plan", what, &contenders)
    }

    fn fix(&self) -> Contest {
        let test = ["-type", "f", "-name", "*.hash", "!", "-perm", "0644"];
        let act = ["-exec", "chmod", "0644", "{}", "+"];
        let mut contenders = vec![
            self.ours("evenkeel-permissions", "fix", &PERMISSIONS),
            self.find(test.into_iter().chain(act)),
        ];
        contenders.extend(self.tmpfiles("--create", "Z", "~0755"));
        let right = |who: &str| assert_eq!(self.tree.with_mode(0o644), self.files, "{who}");
        let rounds = self.args.rounds.min(ROUNDS_OF_CHANGES);
        let standings = hold(&contenders, self.files, rounds, || self.tree.spoil(), right);
        self.told("fix", "every file has a wrong mode", standings)
    }

    fn delete(&self) -> Contest {
        let mut contenders = vec![
            self.ours("evenkeel-cleanup", "apply", &cleanup(7)),
            self.find(["-type", "f", "-name", "*.hash", "-mtime", "+6", "-delete"]),
        ];
        contenders.extend(self.tmpfiles("--clean", "e", &age(7)));
        contenders.push(ourselves(floor::UNLINK, ["--unlink".into(), self.tree.root().into()]));
        let gone = |who: &str| assert_eq!(self.tree.count(), 0, "{who}");
        let rounds = self.args.rounds.min(ROUNDS_OF_CHANGES);
        let standings = hold(&contenders, self.files, rounds, || self.tree.fill(), gone);
        self.tree.fill();
        self.told("delete", "every file is due", standings)
    }

    fn contest(&self, row: &'static str, what: &'static str, contenders: &[Contender]) -> Contest {
        let standings = hold(contenders, self.files, self.args.rounds, || (), |_| ());
        self.told(row, what, standings)
    }

    fn told(
        &self,
        row: &'static str,
        what: &'static str,
        standings: Vec<crate::contest::Standing>,
    ) -> Contest {
        let (files, filesystem) = (self.files, self.filesystem.to_owned());
        Contest { row, what, filesystem, files, standings }
    }

    fn ours(&self, program: &str, command: &str, rule: &[&str]) -> Contender {
        let args = [command.into(), self.tree.root().into_os_string(), "--recursive".into()];
        let args = args.into_iter().chain(rule.iter().map(OsString::from));
        Contender::new(format!("{program} {command}"), find_bin(program), args)
    }

    fn find<'s>(&self, test: impl IntoIterator<Item = &'s str>) -> Contender {
        let root = self.tree.root().into_os_string();
        let args = std::iter::once(root).chain(test.into_iter().map(OsString::from));
        Contender::new("find", "find", args)
    }

    /// By a line of its own, if it is installed.
    fn tmpfiles(&self, command: &str, kind: &str, last: &str) -> Option<Contender> {
        let root = self.tree.root();
        let root = root.display();
        let line = match kind {
            "e" => format!("e {root} - - - {last}\n"),
            _ => format!("{kind} {root} {last} - -\n"),
        };
        let settings = self.tree.write_beside(&format!("{command}{last}.conf"), &line);
        evenkeel_tests::installed("systemd-tmpfiles").then(|| {
            let args = [command.into(), settings.into_os_string()];
            Contender::new("systemd-tmpfiles", "systemd-tmpfiles", args)
        })
    }
}

const PERMISSIONS: [&str; 6] = ["--match", "*.hash", "--mode", "0644", "--dir-mode", "0755"];

fn cleanup(days: u32) -> [&'static str; 6] {
    let older = if days == 7 { "7d" } else { "30d" };
    ["--match", "*.hash", "--older-than", older, "--age-by", "mtime"]
}

/// By the last change of the content alone, as the others.
fn age(days: u32) -> String {
    format!("m:{days}d")
}

/// The bare loop with one thread, and with as many as ours has.
fn floors(root: &Path) -> Vec<Contender> {
    let mut threads = vec![1, host::processors().min(2)];
    threads.dedup();
    let floor = |threads: usize| {
        let args = ["--floor".into(), root.into(), threads.to_string().into()];
        ourselves(&floor::name(threads), args)
    };
    threads.into_iter().map(floor).collect()
}

fn ourselves(name: &str, args: impl IntoIterator<Item = OsString>) -> Contender {
    let own = std::env::current_exe().expect("a program knows where it is");
    Contender::new(name, own, args)
}
