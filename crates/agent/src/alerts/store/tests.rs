use super::*;

const JOB: Job<'_> = Job { job: "evenkeel", instance: "here" };
const STEP: Duration = Duration::from_secs(30);

fn store(expr: &Expr) -> Store {
    Store::new([expr], STEP)
}

fn values(store: &Store, expr: &Expr, at: i64) -> Vec<(String, f64)> {
    let mut elements: Vec<_> = expr
        .eval(store, at)
        .unwrap()
        .into_iter()
        .map(|element| (element.labels.get("path").to_owned(), element.value))
        .collect();
    elements.sort_by(|left, right| left.0.cmp(&right.0));
    elements
}

#[test]
fn only_what_rules_ask_for_is_kept() {
    let errors = Selector::new("file_permission_errors").with("path", "/a");
    let mut store = store(&errors.clone().instant().above(0_u64));
    let page = "# HELP x y\nfile_permission_errors{path=\"/a\"} 2\nfile_permission_errors{path=\"/b\"} 3\nother 1\nbroken{ 1\n";
    store.scrape(0, JOB, Some(page));
    assert_eq!(store.len(), 1);
    assert_eq!(values(&store, &errors.instant(), 0), [("/a".to_owned(), 2.0)]);
}

#[test]
fn a_series_that_a_page_no_longer_has_ends_at_once() {
    let errors = Selector::new("e").instant();
    let mut store = store(&errors);
    store.scrape(0, JOB, Some("e{path=\"/a\"} 1\ne{path=\"/b\"} 1\n"));
    store.scrape(30_000, JOB, Some("e{path=\"/a\"} 1\n"));
    assert_eq!(values(&store, &errors, 30_000), [("/a".to_owned(), 1.0)]);
    // Nothing was scraped for a while: what was seen last holds for five minutes.
    assert_eq!(values(&store, &errors, 330_000).len(), 1);
    assert_eq!(values(&store, &errors, 330_001).len(), 0);
}

#[test]
fn a_page_that_cannot_be_had_is_down_and_ends_all_it_had() {
    let up = Selector::new("up").instant();
    let errors = Selector::new("e").instant();
    let mut store = Store::new([&up, &errors], STEP);
    store.scrape(0, JOB, Some("e 1\n"));
    store.scrape(30_000, JOB, None);
    assert_eq!(values(&store, &up, 0), [(String::new(), 1.0)]);
    assert_eq!(values(&store, &up, 30_000), [(String::new(), 0.0)]);
    assert_eq!(values(&store, &errors, 30_000), []);
}

#[test]
fn jobs_do_not_end_each_other() {
    let memory = Selector::new("m").instant();
    let mut store = store(&memory);
    let other = Job { job: "supervisor", ..JOB };
    store.scrape(0, JOB, Some("m{path=\"/a\"} 1\n"));
    store.scrape(0, other, Some("m{path=\"/b\"} 1\n"));
    store.scrape(30_000, JOB, Some("m{path=\"/a\"} 1\n"));
    assert_eq!(values(&store, &memory, 30_000).len(), 2);
}

#[test]
fn what_was_kept_comes_back_and_goes_on() {
    let grew = Selector::new("c").increase(Duration::from_hours(1));
    let mut before = store(&grew);
    for tick in 0..=120 {
        before.scrape(tick * 30_000, JOB, Some(&format!("c {tick}\n")));
    }
    let kept = serde_json::to_string(&before.keep()).unwrap();
    let mut after = store(&grew);
    after.restore(serde_json::from_str(&kept).unwrap(), 0, 3_600_000);
    assert_eq!(values(&after, &grew, 3_600_000), values(&before, &grew, 3_600_000));
    // The counters of the new run begin at zero, which is no loss.
    after.scrape(3_630_000, JOB, Some("c 0\n"));
    after.scrape(3_660_000, JOB, Some("c 1\n"));
    let grown = values(&after, &grew, 3_660_000)[0].1;
    assert!((119.0..=121.0).contains(&grown), "{grown}");
}

#[test]
fn there_are_never_more_series_than_there_is_room_for() {
    let mut store = store(&Selector::new("e").instant());
    let lines: Vec<_> =
        (0..MOST_SERIES + 10).map(|part| format!("e{{part=\"{part}\"}} 1")).collect();
    let page = lines.join("\n");
    store.scrape(0, JOB, Some(&page));
    assert_eq!((store.len(), store.turned_away), (MOST_SERIES, 10));
}

#[test]
fn a_day_of_three_objectives_is_small() {
    let slices = Selector::new("evenkeel_slo_slices_total");
    let mut store = store(&slices.increase(Duration::from_hours(24)));
    for tick in 0..2880_i64 {
        let page: String = (0..3)
            .flat_map(|slo| {
                // A slice takes two intervals; one in a thousand is bad.
                [("good", tick / 2), ("bad", tick / 1000), ("unknown", 3)].map(
                    move |(verdict, value)| {
                        format!("evenkeel_slo_slices_total{{slo=\"s{slo}\",verdict=\"{verdict}\"}} {value}\n")
                    },
                )
            })
            .collect();
        store.scrape(tick * 30_000, JOB, Some(&page));
    }
    assert_eq!(store.len(), 9);
    // A byte each for the good ones, next to nothing for the others.
    assert!(store.bytes() < 3 * 2880 + 9 * 1500, "{} bytes", store.bytes());
}
