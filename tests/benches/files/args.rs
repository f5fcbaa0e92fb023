use std::path::{Path, PathBuf};

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench files [FLAG]...

  --up-to N        files in the largest tree: 1000, 10000, 100000 (default) or 1000000
  --on FOLDER      where trees are made; repeatable [default: /dev/shm and the temporary folder]
  --rounds N       how often everything is measured, in turns [default: 9]
  --only ROW       sweep, fix, plan, delete or latency; repeatable
  --json           one JSON document in place of tables
";

/// What kinds of rows there are.
const ROWS: [&str; 5] = ["sweep", "fix", "plan", "delete", "latency"];

/// What is measured.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) up_to: u64,
    pub(crate) places: Vec<PathBuf>,
    pub(crate) rounds: usize,
    pub(crate) json: bool,
    only: Vec<String>,
}

/// What this program was started for: it starts itself for some of its parts.
#[derive(Debug)]
pub(crate) enum Mode {
    Bench(Args),
    /// Run a command and say what it took.
    Measure(Vec<String>),
    /// The bare loop.
    Floor {
        folder: PathBuf,
        threads: usize,
    },
    /// The bare deletion.
    Unlink {
        folder: PathBuf,
    },
    /// The bare repair.
    Watch {
        folder: PathBuf,
    },
}

impl Args {
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == row)
    }

    /// 1,000 files, and ten times as many up to the limit.
    pub(crate) fn scales(&self) -> impl Iterator<Item = u64> {
        let up_to = self.up_to;
        [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(move |files| *files <= up_to)
    }
}

pub(crate) fn read(args: &[&str]) -> Result<Mode, String> {
    match args {
        ["--measure", command @ ..] => {
            Ok(Mode::Measure(command.iter().map(ToString::to_string).collect()))
        }
        ["--floor", folder, threads] => {
            Ok(Mode::Floor { folder: folder.into(), threads: number("--floor", threads)? })
        }
        ["--unlink", folder] => Ok(Mode::Unlink { folder: folder.into() }),
        ["--watch", folder] => Ok(Mode::Watch { folder: folder.into() }),
        flags => read_flags(flags),
    }
}

fn read_flags(flags: &[&str]) -> Result<Mode, String> {
    let mut args =
        Args { up_to: 100_000, places: Vec::new(), rounds: 9, json: false, only: Vec::new() };
    let mut rest = flags;
    loop {
        rest = match rest {
            [] => break,
            ["--json", rest @ ..] => {
                args.json = true;
                rest
            }
            ["--up-to", value, rest @ ..] => {
                args.up_to = number("--up-to", value)?;
                rest
            }
            ["--rounds", value, rest @ ..] => {
                args.rounds = number("--rounds", value)?;
                rest
            }
            ["--on", folder, rest @ ..] => {
                args.places.push(folder.into());
                rest
            }
            ["--only", row, rest @ ..] if ROWS.contains(row) => {
                args.only.push((*row).to_owned());
                rest
            }
            [other, ..] => return Err(format!("`{other}` is not understood")),
        }
    }
    if args.rounds == 0 || args.scales().next().is_none() {
        return Err("nothing would be measured".to_owned());
    }
    if args.places.is_empty() {
        args.places = default_places();
    }
    Ok(Mode::Bench(args))
}

fn number<N: std::str::FromStr>(flag: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{flag}`: `{value}` is not a number"))
}

/// In memory, and where other temporary files go if that is somewhere else.
fn default_places() -> Vec<PathBuf> {
    let memory = Path::new("/dev/shm");
    let temporary = std::env::temp_dir();
    let filesystem = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        path.metadata().ok().map(|metadata| metadata.dev())
    };
    let mut places: Vec<PathBuf> = memory.is_dir().then(|| memory.to_owned()).into_iter().collect();
    if places.is_empty() || filesystem(memory) != filesystem(&temporary) {
        places.push(temporary);
    }
    places
}
