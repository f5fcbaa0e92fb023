//! `cargo xtask dist`: what is installed on a host, as an archive and, where `dpkg-deb` is, as a Debian package.
//!
//! Both are the same tree, and the same bytes whenever they are made from the same commit with the same compiler and C library.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, SHIPPED, order, process, root, target};

/// The shells that completions are written for, each with its folder and the name that it looks for.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions", "PROGRAM"),
    ("zsh", "usr/share/zsh/vendor-completions", "_PROGRAM"),
    ("fish", "usr/share/fish/vendor_completions.d", "PROGRAM.fish"),
];
/// Documents and folders of documents that go with the programs.
const DOCUMENTS: [&str; 5] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "docs"];

/// Builds the programs as they are shipped, and packs them with all that belongs to them into `target/dist`.
pub(crate) fn run() -> Outcome {
    process::run(
        "cargo",
        &[&["build", "--release", "--locked"], &SHIPPED[..], &["--bins"]].concat(),
    )?;
    let built = target().join("release");
    order::holds(&built.join("evenkeel"))?;
    let programs = programs()?;
    let version = version(&built)?;
    let dist = root().join("target/dist");
    let name = format!("evenkeel-{version}-{}-linux", std::env::consts::ARCH);
    let tree = dist.join(&name);
    // Whatever an earlier run left there would be shipped.
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|error| at(&dist, &error))?;
    }
    fill(&tree, &built, &programs)?;
    let time = process::output("git", &["log", "-1", "--format=%ct"])?;
    let archive = archive(&dist, &name, time.trim())?;
    let mut made = vec![archive];
    if process::exists("dpkg-deb") {
        made.push(debian_package(&dist, &tree, &version, time.trim())?);
    } else {
        println!("no Debian package: `dpkg-deb` is not installed");
    }
    let sums = process::output("sha256sum", &made)?;
    fs::remove_dir_all(&tree).map_err(|error| at(&tree, &error))?;
    // Names alone, so that `sha256sum -c` works wherever they are kept together.
    let sums = sums.replace(&format!("{}/", dist.display()), "");
    write(&dist.join("SHA256SUMS"), &sums)?;
    print!("\nin target/dist:\n{sums}");
    Ok(())
}

/// All that is installed, below `tree` as it will be below `/`.
fn fill(tree: &Path, built: &Path, programs: &[String]) -> Outcome {
    for program in programs {
        copy(&built.join(program), &tree.join("usr/bin").join(program))?;
    }
    let evenkeel = tree.join("usr/bin/evenkeel");
    for (shell, folder, name) in SHELLS {
        for program in programs {
            let script = process::output(&evenkeel, &["completions", shell, "--for", program])?;
            write(&tree.join(folder).join(name.replace("PROGRAM", program)), &script)?;
        }
    }
    let pages = tree.join("usr/share/man/man1");
    fs::create_dir_all(&pages).map_err(|error| at(&pages, &error))?;
    process::output(&evenkeel, &["man".as_ref(), pages.as_os_str()])?;
    file_by_section(&pages)?;
    for unit in entries(&root().join("packaging/systemd"))? {
        copy(&unit, &tree.join("usr/lib/systemd/system").join(file_name(&unit)))?;
    }
    let documents = tree.join("usr/share/doc/evenkeel");
    for document in DOCUMENTS {
        copy(&root().join(document), &documents.join(document))?;
    }
    Ok(())
}

/// Pages of another section than the first go to the folder of theirs.
fn file_by_section(pages: &Path) -> Outcome {
    for page in entries(pages)? {
        let section = page.extension().unwrap_or_default().to_string_lossy().into_owned();
        if section != "1" {
            let folder = pages.with_file_name(format!("man{section}"));
            copy(&page, &folder.join(file_name(&page)))?;
            fs::remove_file(&page).map_err(|error| at(&page, &error))?;
        }
    }
    Ok(())
}

fn archive(dist: &Path, name: &str, time: &str) -> Result<PathBuf, String> {
    let archive = dist.join(format!("{name}.tar.gz"));
    let tree = dist.join(name);
    let time = format!("--mtime=@{time}");
    // `gzip -n`: no time of its own in its header.
    process::output(
        "tar",
        &[
            "--sort=name".as_ref(),
            time.as_ref(),
            "--owner=0".as_ref(),
            "--group=0".as_ref(),
            "--numeric-owner".as_ref(),
            "--mode=u=rwX,go=rX".as_ref(),
            "--use-compress-program=gzip -n9".as_ref(),
            "-cf".as_ref(),
            archive.as_os_str(),
            "-C".as_ref(),
            tree.as_os_str(),
            "usr".as_ref(),
        ],
    )?;
    Ok(archive)
}

fn debian_package(dist: &Path, tree: &Path, version: &str, time: &str) -> Result<PathBuf, String> {
    let architecture = process::output("dpkg", &["--print-architecture"])?;
    let architecture = architecture.trim();
    write(
        &tree.join("DEBIAN/control"),
        &format!(
            "Package: evenkeel\n\
             Version: {version}\n\
             Architecture: {architecture}\n\
             Maintainer: evenkeel\n\
             Section: admin\n\
             Priority: optional\n\
             Depends: libc6 (>= 2.36)\n\
             Suggests: supervisor, tmux, prometheus\n\
             Description: keeps a Linux host on an even keel\n \
             One file says what must hold: permissions, what may grow how old and how large,\n \
             which services must answer, how much memory they may take. evenkeel sees drift as\n \
             it happens, repairs it within a budget, and proves that the repair worked.\n"
        ),
    )?;
    let package = dist.join(format!("evenkeel_{version}_{architecture}.deb"));
    let time = format!("SOURCE_DATE_EPOCH={time}");
    process::output(
        "env",
        &[
            time.as_ref(),
            "dpkg-deb".as_ref(),
            "--root-owner-group".as_ref(),
            "--build".as_ref(),
            tree.as_os_str(),
            package.as_os_str(),
        ],
    )?;
    Ok(package)
}

/// The programs, each of which is a folder below `bins` with a `main.rs`.
fn programs() -> Result<Vec<String>, String> {
    let folders = entries(&root().join("bins"))?;
    let programs = folders.iter().filter(|folder| folder.join("src/main.rs").is_file());
    Ok(programs.map(|folder| file_name(folder)).collect())
}

/// The version, as the built program says it.
fn version(built: &Path) -> Result<String, String> {
    let said = process::output(built.join("evenkeel"), &["--version"])?;
    let version = said.split_whitespace().nth(1);
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("`evenkeel --version` says no version: {said}"))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder).map_err(|error| at(folder, &error))?;
    let paths = read.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(|error| at(folder, &error))?;
    paths.sort();
    Ok(paths)
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Outcome {
    if from.is_dir() {
        return entries(from)?.iter().try_for_each(|entry| copy(entry, &to.join(file_name(entry))));
    }
    make_folder_of(to)?;
    fs::copy(from, to).map(drop).map_err(|error| at(from, &error))
}

fn write(path: &Path, text: &str) -> Outcome {
    make_folder_of(path)?;
    fs::write(path, text).map_err(|error| at(path, &error))
}

fn make_folder_of(path: &Path) -> Outcome {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| at(folder, &error))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("`{}`: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_shipped() {
        let programs = programs().unwrap();
        assert!(programs.contains(&"evenkeel".to_owned()), "{programs:?}");
        assert_eq!(programs.len(), 6, "{programs:?}");
    }

    #[test]
    fn every_document_that_is_shipped_is_there() {
        for document in DOCUMENTS {
            assert!(root().join(document).exists(), "{document}");
        }
    }
}
