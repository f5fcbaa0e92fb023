use crate::fault::FAULTS;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench recovery [FLAG]...

  --peers          measure Monit as well, with an equal configuration at the same time
  --rounds N       how often each fault is injected, spread over the cycle of 5 s [default: 5]
  --only FAULT     killed, frozen, hung, leak, left-overs or tmux; repeatable
  --json           one JSON document in place of a table
";

/// What is measured.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) peers: bool,
    pub(crate) rounds: u32,
    pub(crate) json: bool,
    only: Vec<String>,
}

impl Args {
    pub(crate) fn wants(&self, fault: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == fault)
    }
}

pub(crate) fn read(args: &[&str]) -> Result<Args, String> {
    let mut read = Args { peers: false, rounds: 5, json: false, only: Vec::new() };
    let mut rest = args;
    loop {
        rest = match rest {
            [] => break,
            ["--peers", rest @ ..] => {
                read.peers = true;
                rest
            }
            ["--json", rest @ ..] => {
                read.json = true;
                rest
            }
            ["--rounds", value, rest @ ..] => {
                read.rounds = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
                rest
            }
            ["--only", fault, rest @ ..] if FAULTS.iter().any(|known| known.name == *fault) => {
                read.only.push((*fault).to_owned());
                rest
            }
            [other, ..] => return Err(format!("`{other}` is not understood")),
        }
    }
    if read.rounds == 0 {
        return Err("nothing would be measured".to_owned());
    }
    Ok(read)
}
