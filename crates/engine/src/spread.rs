//! When checks start, so that many of one interval do not start in step.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Check;

use crate::chance::Chance;

/// So many checks of one interval are spread over all of it; fewer over less, since somebody waits for the first look.
const SPREAD_OVER_ALL: f64 = 100.0;
/// Few checks are spread over this share of their interval.
const LEAST: f64 = 0.1;
/// So many start together: on a host at rest it costs more to wake a processor than to look.
const TOGETHER: usize = 4;

/// The delay before the first look of each check, in their order; none where nothing is to be spread.
///
/// The checks of one interval are put by chance into groups of [`TOGETHER`], which get places at equal distances, each with a
/// little chance of its own.
pub(crate) fn phases(checks: &[Check], spread: bool, chance: &mut Chance) -> Vec<Duration> {
    let mut groups: BTreeMap<Duration, Vec<(f64, usize)>> = BTreeMap::new();
    for (index, check) in checks.iter().enumerate() {
        groups.entry(check.interval).or_default().push((chance.unit(), index));
    }
    let mut phases = vec![Duration::ZERO; checks.len()];
    if !spread {
        return phases;
    }
    for (interval, mut group) in groups {
        group.sort_by(|one, other| one.0.total_cmp(&other.0));
        #[expect(clippy::cast_precision_loss, reason = "far fewer checks than 2^52")]
        let count = group.len() as f64;
        let window = interval.mul_f64((count / SPREAD_OVER_ALL).clamp(LEAST, 1.0));
        for (number, together) in group.chunks(TOGETHER).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "far fewer checks than 2^52")]
            let place = (number * TOGETHER) as f64;
            let phase = window.mul_f64((place + together[0].0) / count);
            for (_, index) in together {
                phases[*index] = phase;
            }
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(count: usize) -> Vec<Check> {
        let check = |index: usize| {
            format!(
                "[check.c{index}]\ntcp = {{ address = \"127.0.0.1:80\" }}\ninterval = \"10s\"\n"
            )
        };
        let text: String = (0..count).map(check).collect();
        evenkeel_config::load_text("test.toml", &text).unwrap().checks
    }

    #[test]
    fn many_checks_of_one_interval_start_evenly_over_all_of_it() {
        let checks = checks(1_000);
        let phases = phases(&checks, true, &mut Chance::new(3));
        let mut starts = [0; 10];
        for phase in &phases {
            starts[usize::try_from(phase.as_secs()).unwrap()] += 1;
        }
        assert!(starts.iter().all(|count| (96..=104).contains(count)), "{starts:?}");
        let moments: std::collections::BTreeSet<_> = phases.iter().collect();
        assert_eq!(moments.len(), 1_000 / TOGETHER, "a few start together");
    }

    #[test]
    fn few_checks_start_within_a_tenth_of_their_interval_and_all_at_once_where_somebody_waits() {
        let checks = checks(5);
        let spread = phases(&checks, true, &mut Chance::new(3));
        assert!(spread.iter().all(|phase| *phase < Duration::from_secs(1)), "{spread:?}");
        assert_eq!(spread, phases(&checks, true, &mut Chance::new(3)), "by the seed");
        assert_eq!(phases(&checks, false, &mut Chance::new(3)), [Duration::ZERO; 5]);
    }
}
