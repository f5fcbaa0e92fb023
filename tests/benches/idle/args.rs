use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench idle [FLAG]...

  --peers            measure Monit, supervisord with superlance, and Prometheus with its exporters in the same minute
  --seconds N        how long is measured [default: 60]
  --settle N         how many seconds all are at rest before that [default: 60]
  --superlance DIR   where `memmon` and `httpok` are [default: the search path]
  --json             one JSON document in place of tables
";

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) peers: bool,
    pub(crate) json: bool,
    pub(crate) lasts: Duration,
    pub(crate) settle: Duration,
    pub(crate) superlance: Option<PathBuf>,
}

pub(crate) fn read(args: &[&str]) -> Result<Args, String> {
    let minute = Duration::from_mins(1);
    let mut read =
        Args { peers: false, json: false, lasts: minute, settle: minute, superlance: None };
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "--peers" => read.peers = true,
            "--json" => read.json = true,
            "--seconds" => read.lasts = seconds(rest.next())?,
            "--settle" => read.settle = seconds(rest.next())?,
            "--superlance" => read.superlance = rest.next().map(PathBuf::from),
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    Ok(read)
}

fn seconds(value: Option<&str>) -> Result<Duration, String> {
    let value = value.unwrap_or_default();
    let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("`{value}` is not a number above 0"))
}
