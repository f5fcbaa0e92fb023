//! Samples, what they become with time, and how they are drawn.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fold::{HOUR, MINUTE};
use crate::{Curve, LARGEST, LONGEST_NAME, MOST_SERIES, Point, RolledUp, Sample};

fn sample(seconds: i64, value: f64) -> Sample<'static> {
    Sample { subject: "web", field: "latency_ms", at: at(seconds), value }
}

impl Scratch {
    fn curve(&self, from: Timestamp, until: Timestamp, most_points: usize) -> Curve {
        self.reader().curve("web", "latency_ms", from, until, most_points).unwrap()
    }
}

fn point(at: Timestamp, values: &[f64]) -> Point {
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Point {
        at,
        min: values.iter().copied().fold(f64::MAX, f64::min),
        mean,
        max: values.iter().copied().fold(f64::MIN, f64::max),
        last: *values.last().unwrap(),
        count: u32::try_from(values.len()).unwrap(),
    }
}

#[test]
fn samples_come_back_one_by_one_where_there_is_room() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let written = [sample(0, 1.5), sample(5, -2.0), sample(10, 3.25)];
    assert_eq!(journal.observe(&written).unwrap(), 3);
    let curve = scratch.curve(at(0), at(10), 10);
    assert_eq!(curve.resolution, Duration::ZERO);
    assert_eq!(curve.points, [point(at(0), &[1.5]), point(at(5), &[-2.0])]);
    let curve = scratch.curve(at(-100), at(100), 2);
    assert_eq!(curve.resolution, Duration::from_secs(10));
    assert_eq!(curve.points, [point(at(0), &[1.5, -2.0]), point(at(10), &[3.25])]);
    assert_eq!(scratch.curve(at(11), at(100), 2), Curve::default());
    assert_eq!(scratch.reader().series("web", "fds", at(0), at(9), 9).unwrap(), []);
}

#[test]
fn rows_that_another_program_wrote_are_folded_and_drawn() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.observe(&[sample(0, 1.0)]).unwrap();
    let (far, turned) = (i64::MIN, "1, 5.0, 1.0, 9.0, 2.0");
    let sql = format!(
        "INSERT INTO samples VALUES ({far}, 1, 1.0); INSERT INTO minutes VALUES (1, {far}, {turned});
         INSERT INTO minutes VALUES (1, {}, {turned}); INSERT INTO hours VALUES (1, {}, {turned})",
        at(0).as_millisecond(),
        i64::MAX
    );
    journal.connection.execute_batch(&sql).unwrap();
    assert_eq!(scratch.curve(at(0), at(60), 1).points.len(), 1);
    journal.roll_up(at(7_200)).unwrap();
    let curve = scratch.reader().curve("web", "latency_ms", at(-60), Timestamp::MAX, 9).unwrap();
    assert!(curve.points.iter().all(|point| point.mean <= point.max), "{curve:?}");
    journal.prune(at(7_200), Duration::MAX, 1).unwrap();
}

#[test]
fn samples_written_twice_are_written_once() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    assert_eq!(journal.observe(&[sample(0, 1.0), sample(0, 2.0)]).unwrap(), 1);
    journal.roll_up(at(7_200)).unwrap();
    assert_eq!(journal.observe(&[sample(0, 1.0)]).unwrap(), 0);
    assert_eq!(scratch.curve(at(0), at(7_200), 1).points[0].count, 1);
}

#[test]
fn what_no_curve_can_show_is_left_out_and_the_rest_is_written() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let long = "x".repeat(LONGEST_NAME + 1);
    let bad = [f64::NAN, f64::INFINITY, LARGEST * 10.0].map(|value| sample(0, value));
    let named = Sample { subject: &long, ..sample(0, 1.0) };
    assert_eq!(journal.observe(&[&bad[..], &[named, sample(1, 1.0)]].concat()).unwrap(), 1);
    // The largest numbers do not spoil the sum, which would fail the roll-up for ever.
    let large: Vec<_> = (2..60).map(|second| sample(second, LARGEST)).collect();
    journal.observe(&large).unwrap();
    journal.roll_up(at(7_200)).unwrap();
    assert_eq!(scratch.curve(at(0), at(7_200), 1).points[0].count, 59);
}

#[test]
fn names_from_the_host_cannot_grow_the_history_without_limit() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let names: Vec<_> = (0..=MOST_SERIES).map(|number| format!("web/{number}")).collect();
    let samples: Vec<_> =
        names.iter().map(|name| Sample { subject: name, ..sample(0, 1.0) }).collect();
    assert_eq!(journal.observe(&samples).unwrap(), MOST_SERIES as usize);
    assert_eq!(journal.observe(&samples[..1]).unwrap(), 0, "known, and written before");
    // When their last hour is over its age, others have their places.
    let much_later = at(0) + days(401);
    journal.roll_up(much_later).unwrap();
    journal.roll_up(much_later + SignedDuration::from_hours(2)).unwrap();
    let last = Sample { at: much_later, ..samples[MOST_SERIES as usize] };
    assert_eq!(journal.observe(&[last]).unwrap(), 1);
    assert_eq!(scratch.reader().fields(None).unwrap().len(), 1);
}

#[test]
fn fields_are_told_of_a_subject_and_its_parts() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let samples =
        ["web", "web/a", "web2", "db"].map(|subject| Sample { subject, ..sample(0, 1.0) });
    journal.observe(&samples).unwrap();
    let subjects = |of| {
        let fields = scratch.reader().fields(of).unwrap();
        fields.into_iter().map(|(subject, _)| subject).collect::<Vec<_>>()
    };
    assert_eq!(subjects(None), ["db", "web", "web/a", "web2"]);
    assert_eq!(subjects(Some("web")), ["web", "web/a"]);
    assert_eq!(subjects(Some("w")), [""; 0]);
}

#[test]
fn a_day_two_weeks_and_400_days_are_kept_each_coarser_than_the_last() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    // at(0) is a whole hour.
    for minute in 0..60_i32 {
        let samples: Vec<_> =
            (0..6).map(|n| sample(i64::from(minute * 60 + n * 10), f64::from(minute))).collect();
        journal.observe(&samples).unwrap();
    }
    let rolled = journal.roll_up(at(3_600 + 60)).unwrap();
    let (deleted, goes_on) = (0, false);
    assert_eq!(rolled, RolledUp { samples: 360, minutes: 60, deleted, goes_on });
    assert_eq!(scratch.curve(at(0), at(3_600), 1_000).resolution, Duration::ZERO);

    journal.roll_up(at(3_600) + days(1)).unwrap();
    let curve = scratch.curve(at(0), at(3_600), 1_000);
    assert_eq!((curve.points.len(), curve.resolution), (60, Duration::from_mins(1)));
    assert_eq!(curve.points[7], point(at(420), &[7.0; 6]));

    journal.roll_up(at(3_600) + days(14)).unwrap();
    let curve = scratch.curve(at(0), at(3_600), 1_000);
    assert_eq!((curve.points.len(), curve.resolution), (1, Duration::from_hours(1)));
    let Point { min, mean, max, last, count, .. } = curve.points[0];
    assert_eq!((min, mean, max, last, count), (0.0, 29.5, 59.0, 59.0, 360));

    journal.roll_up(at(0) + days(400)).unwrap();
    assert_eq!(scratch.curve(at(0), at(3_600), 1_000).points.len(), 1);
    journal.roll_up(at(3_600) + days(400)).unwrap();
    assert_eq!(scratch.curve(at(0), at(3_600), 1_000), Curve::default());
}

#[test]
fn a_roll_up_in_portions_is_the_same_as_one() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let samples: Vec<_> = (0..25_000_i32).map(|n| sample(n.into(), n.into())).collect();
    journal.observe(&samples).unwrap();
    let now = at(25_000) + days(2);
    let mut portions = 0;
    while journal.roll_up_some(now).unwrap().goes_on {
        portions += 1;
        // What is seen in between is all there is, each value once.
        let count: u32 = scratch.curve(at(0), at(25_000), 9).points.iter().map(|p| p.count).sum();
        assert_eq!(count, 25_000);
    }
    assert!(portions >= 2, "{portions}");
    assert_eq!(journal.roll_up_some(now).unwrap(), RolledUp::default());
}

#[test]
fn a_clock_set_back_loses_no_sample_and_spoils_no_resolution() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    // A clock a year ahead.
    let ahead = days(365).as_secs();
    journal.observe(&[sample(ahead, 1.0)]).unwrap();
    journal.roll_up(at(ahead + 7_200)).unwrap();
    journal.roll_up(at(ahead + 90_000)).unwrap();
    for second in 0..600 {
        journal.observe(&[sample(second, 2.0)]).unwrap();
        if second % 100 == 99 {
            journal.roll_up(at(second)).unwrap();
        }
    }
    let curve = scratch.curve(at(0), at(3_600), 20);
    assert_eq!(curve.points.iter().map(|point| point.count).sum::<u32>(), 600);
    // From the first roll-up after it on, samples are whole again.
    let curve = scratch.curve(at(100), at(3_600), 1_000);
    assert_eq!((curve.points.len(), curve.resolution), (500, Duration::ZERO));
}

/// What is to be written, in the order in which it comes: values at seconds, and roll-ups.
fn steps() -> impl Strategy<Value = Vec<(i64, Option<i32>)>> {
    let value = prop_oneof![4 => (-1_000..1_000).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((0..20_000i64, value), 1..200)
}

type Model = BTreeMap<i64, f64>;

/// Does all steps; gives each value by its second, as first written.
fn write(journal: &mut Journal, steps: &[(i64, Option<i32>)]) -> Model {
    let mut model = Model::new();
    for (second, value) in steps {
        match value {
            Some(value) => {
                let value = f64::from(*value);
                journal.observe(&[sample(*second, value)]).unwrap();
                model.entry(*second).or_insert(value);
            }
            None => drop(journal.roll_up(at(*second)).unwrap()),
        }
    }
    model
}

fn folded(model: &Model, width: i64, until: i64) -> BTreeMap<i64, (usize, f64, f64, f64)> {
    let mut folds = BTreeMap::<i64, Vec<f64>>::new();
    for (second, value) in model.iter().filter(|(second, _)| **second < until) {
        folds
            .entry(at(second - second.rem_euclid(width)).as_millisecond())
            .or_default()
            .push(*value);
    }
    let fold = |values: Vec<f64>| {
        let (min, max) = values
            .iter()
            .fold((f64::MAX, f64::MIN), |(min, max), value| (min.min(*value), max.max(*value)));
        (values.len(), min, max, values.iter().sum())
    };
    folds.into_iter().map(|(at, values)| (at, fold(values))).collect()
}

fn table(journal: &Journal, table: &str) -> BTreeMap<i64, (usize, f64, f64, f64)> {
    let sql = format!("SELECT at_ms, count, min, max, sum FROM {table}");
    let mut statement = journal.connection.prepare(&sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let count = usize::try_from(row.get::<_, u32>(1)?).unwrap();
        Ok((row.get(0)?, (count, row.get(2)?, row.get(3)?, row.get(4)?)))
    };
    statement.query_map([], read).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In whatever order values come and are rolled up, a clock set back included.
    #[test]
    fn rolled_up_is_what_a_simple_count_says(steps in steps()) {
        let scratch = Scratch::new();
        let mut journal = scratch.journal();
        let model = write(&mut journal, &steps);
        journal.roll_up(at(20_060)).unwrap();
        prop_assert_eq!(table(&journal, "minutes"), folded(&model, MINUTE / 1_000, 20_000 / 60 * 60));
        prop_assert_eq!(table(&journal, "hours"), folded(&model, HOUR / 1_000, 18_000));
        // When all is over its age but the hours, each value is still in them, once.
        journal.roll_up(at(20_060) + days(30)).unwrap();
        prop_assert_eq!(table(&journal, "hours"), folded(&model, HOUR / 1_000, i64::MAX));
        prop_assert_eq!(table(&journal, "minutes"), BTreeMap::new());
    }

    #[test]
    fn a_curve_has_no_more_points_than_there_is_room_for_and_leaves_no_value_out(
        steps in steps(), aged in prop_oneof![Just(0), Just(1), Just(20)],
        from in 0..20_000i64, length in 1..20_000i64, most in 1..300usize,
    ) {
        let scratch = Scratch::new();
        let mut journal = scratch.journal();
        let model = write(&mut journal, &steps);
        if aged > 0 {
            journal.roll_up(at(20_000) + days(aged)).unwrap();
        }
        let curve = scratch.curve(at(from), at(from + length), most);
        prop_assert!(curve.points.len() <= most);
        prop_assert!(curve.points.is_sorted_by(|a, b| a.at < b.at));
        let width = i64::try_from(curve.resolution.as_millis()).unwrap();
        for (second, value) in model.range(from..from + length) {
            let at = at(*second).as_millisecond();
            let of = curve.points.iter().rfind(|point| point.at.as_millisecond() <= at);
            prop_assert!(of.is_some(), "nothing for {second}");
            let Point { at: begin, min, mean, max, .. } = *of.unwrap();
            prop_assert!(at <= begin.as_millisecond() + width.max(0), "{second} is after its point");
            prop_assert!(min <= *value && *value <= max, "{value} is beyond {min}..{max}");
            prop_assert!(min <= mean && mean <= max);
        }
        let count: u32 = curve.points.iter().map(|point| point.count).sum();
        prop_assert!(count as usize >= model.range(from..from + length).count());
    }
}
