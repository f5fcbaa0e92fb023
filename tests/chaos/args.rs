use crate::{INSIDE, fault};

pub(crate) const USAGE: &str = "\
usage: cargo xtask chaos [FLAG]...

  --minutes N      how long faults are injected [default: 20]
  --once           every fault once, and no longer than that takes
  --seed N         which faults, and when [default: by the clock; printed]
  --only FAULT     this one; repeatable
  --json           one JSON document in place of the table
  --list           the faults, and what is right for each
";

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Args {
    pub(crate) minutes: f64,
    pub(crate) once: bool,
    pub(crate) seed: Option<u64>,
    pub(crate) json: bool,
    /// It was started by itself, in namespaces of its own.
    pub(crate) inside: bool,
    pub(crate) only: Vec<String>,
}

/// What this program was started for.
#[derive(Debug)]
pub(crate) enum Mode {
    Run(Args),
    List,
    Help,
}

impl Args {
    pub(crate) fn wants(&self, fault: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == fault)
    }
}

pub(crate) fn read(args: &[String]) -> Result<Mode, String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut read = Args {
        minutes: 20.0,
        once: false,
        seed: None,
        json: false,
        inside: false,
        only: Vec::new(),
    };
    let mut rest = args.as_slice();
    loop {
        rest = match rest {
            [] => break,
            ["--minutes", value, rest @ ..] => {
                read.minutes = number(value)?;
                rest
            }
            ["--seed", value, rest @ ..] => {
                read.seed = Some(number(value)?);
                rest
            }
            ["--once", rest @ ..] => {
                read.once = true;
                rest
            }
            ["--json", rest @ ..] => {
                read.json = true;
                rest
            }
            [INSIDE, rest @ ..] => {
                read.inside = true;
                rest
            }
            ["--only", fault, rest @ ..] => {
                if !fault::all().any(|known| known.name == *fault) {
                    return Err(format!("no fault is called `{fault}`; `--list` names them"));
                }
                read.only.push((*fault).to_owned());
                rest
            }
            ["--list", ..] => return Ok(Mode::List),
            ["--help" | "-h", ..] => return Ok(Mode::Help),
            [other, ..] => return Err(format!("`{other}` is not understood")),
        }
    }
    if !(read.minutes.is_finite() && read.minutes > 0.0) {
        return Err("`--minutes` must be more than nothing".to_owned());
    }
    Ok(Mode::Run(read))
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{value}` is not a number that fits here"))
}
