//! Cases from seeds: settings that the real validation accepts, and faults of every model on every scale of time.

mod checks;
mod faults;
mod recoveries;
mod settings;

use std::time::Duration;

use evenkeel_config::Settings;

use crate::case::Case;
use crate::draw::Draw;

/// So many attempts of checks a run is to take, more or less: what it costs.
const ATTEMPTS: f64 = 2_500.0;
const SHORTEST: f64 = 600.0;
const LONGEST: f64 = 2.0 * 86_400.0;

/// The case of a seed.
///
/// What is drawn may be refused, as a budget that its delays never let be used up; then it is drawn again.
pub(crate) fn case(seed: u64) -> Case {
    let mut draw = Draw::new(seed);
    loop {
        let settings = settings::settings(&mut draw);
        let Ok(loaded) = Case::load(&settings.table) else { continue };
        let lasts = lasts(&mut draw, &loaded);
        let (faults, reloads) = faults::faults(&mut draw, &loaded, &settings, lasts);
        return Case { seed, lasts, settings: settings.table, faults, reloads };
    }
}

fn lasts(draw: &mut Draw, settings: &Settings) -> Duration {
    let per_second: f64 =
        settings.checks.iter().map(|check| 1.0 / check.interval.as_secs_f64()).sum();
    let seconds = (ATTEMPTS / per_second).clamp(SHORTEST, LONGEST);
    let halves = draw.between(1, 4);
    #[expect(clippy::cast_precision_loss, reason = "at most four")]
    let share = halves as f64 / 2.0;
    // Whole seconds: they are written to a file.
    Duration::from_secs(Duration::from_secs_f64(seconds * share).as_secs().max(60))
}
