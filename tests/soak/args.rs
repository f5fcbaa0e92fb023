use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: cargo xtask soak [FLAG]...

  --minutes N      how long [default: 60]; the first tenth of it, at least 20 s, is warm-up
  --rate N         so many times the events of an ordinary host [default: 100]
  --seed N         of what fails when [default: 1]
  --agent PATH     the program that is watched [default: the one beside this program]
  --csv FILE       every sample as a line
  --json           one JSON document in place of the curves
";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) minutes: f64,
    pub(crate) rate: u32,
    pub(crate) seed: u64,
    pub(crate) agent: Option<PathBuf>,
    pub(crate) csv: Option<PathBuf>,
    pub(crate) json: bool,
}

/// Reads the command line; `None`: only help is asked for.
pub(crate) fn read(args: &[String]) -> Result<Option<Args>, String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut read = Args { minutes: 60.0, rate: 100, seed: 1, agent: None, csv: None, json: false };
    let mut rest = args.as_slice();
    loop {
        rest = match rest {
            [] => break,
            ["--minutes", value, rest @ ..] => {
                read.minutes = number(value)?;
                rest
            }
            ["--rate", value, rest @ ..] => {
                read.rate = number(value)?;
                rest
            }
            ["--seed", value, rest @ ..] => {
                read.seed = number(value)?;
                rest
            }
            ["--agent", path, rest @ ..] => {
                read.agent = Some(PathBuf::from(path));
                rest
            }
            ["--csv", path, rest @ ..] => {
                read.csv = Some(PathBuf::from(path));
                rest
            }
            ["--json", rest @ ..] => {
                read.json = true;
                rest
            }
            ["--help" | "-h", ..] => return Ok(None),
            [other, ..] => return Err(format!("`{other}` is not understood")),
        }
    }
    if !(read.minutes.is_finite() && read.minutes > 0.0) {
        return Err("`--minutes` must be more than nothing".to_owned());
    }
    if !(1..=1000).contains(&read.rate) {
        return Err("`--rate` must be 1 to 1000".to_owned());
    }
    Ok(Some(read))
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{value}` is not a number that fits here"))
}
