use evenkeel_cli::agent;
use evenkeel_cli::{Common, Exit, Failure};

use crate::args::Run;

/// `evenkeel run`: the agent until SIGTERM or Ctrl-C.
pub(crate) fn run(common: &Common, args: &Run) -> Result<Exit, Failure> {
    if !common.has_settings() {
        return Err(Failure::usage(
            "there are no settings: name a file with --config, or write /etc/evenkeel/evenkeel.toml \
             (`evenkeel config init` prints one to start from)",
        ));
    }
    let again = common.clone();
    let settings = common.settings()?;
    common.log_as(&settings);
    agent::run(settings, args.observe, move || {
        let settings = again.settings()?;
        again.log_as(&settings);
        Ok(settings)
    })
}
