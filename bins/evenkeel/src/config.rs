use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_table};
use evenkeel_config::Check;
use evenkeel_shown::Unit;
use serde::Serialize;
use serde_json::json;

use crate::args::{Config, ConfigCommand};
use crate::import;

/// `evenkeel config check|show|schema|init|import`.
pub(crate) fn run(common: &Common, config: &Config) -> Result<Exit, Failure> {
    match &config.command {
        ConfigCommand::Check => check(common),
        ConfigCommand::Show { origin, reveal } => {
            let show = if *reveal { evenkeel_config::reveal } else { evenkeel_config::show };
            let shown = show(&common.sources()).map_err(Failure::usage)?;
            if common.json {
                print_json(&shown.to_values(*origin));
            } else {
                print_line(shown.to_toml(*origin).trim_end());
            }
            Ok(Exit::Holds)
        }
        ConfigCommand::Schema => {
            print_line(evenkeel_config::schema().trim_end());
            Ok(Exit::Holds)
        }
        ConfigCommand::Init { preset } => {
            let name = preset.name();
            let settings = evenkeel_config::preset(name)
                .ok_or_else(|| Failure::usage("there is no such preset"))?;
            if common.json {
                print_json(&json!({ "preset": name, "settings": settings }));
            } else {
                print_line(settings.trim_end());
            }
            Ok(Exit::Holds)
        }
        ConfigCommand::Import(args) => import::run(common, args),
    }
}

/// Valid settings that this host cannot fulfil, such as for want of a user, are a deviation.
fn check(common: &Common) -> Result<Exit, Failure> {
    let (settings, unfit) =
        evenkeel_config::load_for_host(&common.sources()).map_err(Failure::usage)?;
    let advice = settings.advice();
    let fulfilled = unfit.is_empty();
    let exit = if fulfilled { Exit::Holds } else { Exit::Deviates };
    if common.json {
        print_json(&json!({
            "valid": true, "fulfilled": fulfilled, "unfulfilled": unfit, "advice": advice,
            "checks": settings.checks.iter().map(Detection::of).collect::<Vec<_>>(),
        }));
        return Ok(exit);
    }
    print_line(format!(
        "the settings are valid: permission rules {}, cleanup rules {}, checks {}, recoveries {}",
        settings.permissions.len(),
        settings.cleanup.len(),
        settings.checks.len(),
        settings.recoveries.len(),
    ));
    if !settings.checks.is_empty() {
        let rows = settings.checks.iter().map(|check| Detection::of(check).row());
        print_table(&["check", "looks every", "a fault makes it down within"], rows);
    }
    for advice in advice {
        print_line(format!("advice: {advice}"));
    }
    for problem in unfit {
        print_line(format!("\n{problem}"));
    }
    Ok(exit)
}

/// How soon a check finds a fault.
#[derive(Serialize)]
struct Detection<'a> {
    name: &'a str,
    interval_seconds: f64,
    /// At worst: [`Check::longest_detection`]; none where that depends on a breaker.
    down_within_seconds: Option<f64>,
}

impl<'a> Detection<'a> {
    fn of(check: &'a Check) -> Self {
        Self {
            name: &check.name,
            interval_seconds: check.interval.as_secs_f64(),
            down_within_seconds: check.longest_detection().map(|within| within.as_secs_f64()),
        }
    }

    fn row(&self) -> [String; 3] {
        let time = |seconds| Unit::Seconds.write(seconds);
        let within =
            self.down_within_seconds.map_or("as its breaker lets it look".to_owned(), time);
        [escaped(self.name), time(self.interval_seconds), within]
    }
}
