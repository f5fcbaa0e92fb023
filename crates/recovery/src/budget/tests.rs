use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::since_origin(Duration::from_secs(seconds))
}

fn budgets(per_target: &str, per_host: &str) -> Budgets {
    grouped(per_target, "1000/1h", per_host)
}

fn grouped(per_target: &str, per_group: &str, per_host: &str) -> Budgets {
    let rate = |text: &str| text.parse().unwrap();
    Budgets { per_target: rate(per_target), per_group: rate(per_group), per_host: rate(per_host) }
}

fn series(plan: &RetryPlan, steps: u32) -> Densest<'_> {
    Densest { plan, steps, stable_for: Duration::from_mins(10), slow_retry: None }
}

/// A group of nobody.
fn alone(_: &str) -> bool {
    false
}

#[test]
fn the_targets_of_a_group_share_its_budget_and_others_do_not() {
    let budgets = grouped("3/1h", "4/1h", "10/1h");
    let mut ledger = Ledger::new();
    let workers = |target: &str| target.starts_with("worker/");
    for target in ["worker/a", "worker/a", "worker/b", "worker/c"] {
        assert!(ledger.room(at(1), (target, 1), workers, &budgets).is_ok());
        ledger.charge(at(1), target);
    }
    let empty = ledger.room(at(1), ("worker/d", 1), workers, &budgets).unwrap_err();
    assert_eq!((empty.scope, empty.rate), (Scope::Group, budgets.per_group));
    assert_eq!(empty.to_string(), "the budget per group is used up; room again in 1h");
    assert!(ledger.room(at(1), ("web", 1), |target: &str| target == "web", &budgets).is_ok());
    assert_eq!(ledger.used(at(1), "worker/a", budgets.per_target), 2);
}

fn plan(initial: u64, cap: u64, retries: u32) -> RetryPlan {
    let seconds = Duration::from_secs;
    RetryPlan::try_new(seconds(initial), 2.0, seconds(cap), 0.0, retries, seconds(1)).unwrap()
}

#[test]
fn a_rate_reads_as_it_is_written() {
    for text in ["3/1h", "10/1h", "1/1s", "60/10m", "5/7days"] {
        assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
    }
    let rate: Rate = " 3 / 90m ".parse().unwrap();
    assert_eq!((rate.count(), rate.window()), (3, Duration::from_mins(90)));
}

#[test]
fn what_is_no_rate_is_refused_with_what_is_accepted() {
    for text in [
        "",
        "3",
        "/1h",
        "3/",
        "0/1h",
        "-1/1h",
        "3/0s",
        "3/32d",
        "3/1h/2",
        "three/1h",
        "3/1 fortnight",
    ] {
        let error = text.parse::<Rate>().unwrap_err();
        assert_eq!(error.value, text);
        assert!(error.to_string().contains("`3/1h`"));
    }
}

#[test]
fn the_target_budget_is_empty_after_its_count_and_has_room_after_its_window() {
    let budgets = budgets("3/1h", "10/1h");
    let mut ledger = Ledger::new();
    for (start, left) in [(0, 3), (60, 2), (600, 1)] {
        assert_eq!(ledger.remaining(at(start), "a", alone, &budgets), left);
        ledger.charge(at(start), "a");
    }
    let empty = ledger.room(at(700), ("a", 1), alone, &budgets).unwrap_err();
    assert_eq!(
        empty,
        Empty {
            scope: Scope::Target,
            rate: budgets.per_target,
            left: 0,
            retry_after: Duration::from_secs(2_900)
        }
    );
    assert_eq!(empty.to_string(), "the budget per target is used up; room again in 48m 20s");
    assert!(ledger.room(at(3_599), ("a", 1), alone, &budgets).is_err());
    assert_eq!(
        ledger.room(at(3_600), ("a", 1), alone, &budgets),
        Ok(Remaining { per_target: 1, per_group: 1000, per_host: 8 })
    );
}

#[test]
fn one_target_does_not_use_up_the_budget_of_another_but_all_use_the_hosts() {
    let budgets = budgets("3/1h", "4/1h");
    let mut ledger = Ledger::new();
    for target in ["a", "a", "a", "b"] {
        assert!(ledger.room(at(1), (target, 1), alone, &budgets).is_ok());
        ledger.charge(at(1), target);
    }
    assert_eq!(ledger.room(at(1), ("c", 1), alone, &budgets).unwrap_err().scope, Scope::Host);
}

#[test]
fn of_two_empty_budgets_the_one_that_has_room_last_is_named() {
    let budgets = budgets("1/1h", "1/2h");
    let mut ledger = Ledger::new();
    ledger.charge(at(0), "a");
    let empty = ledger.room(at(0), ("a", 1), alone, &budgets).unwrap_err();
    assert_eq!(
        empty,
        Empty {
            scope: Scope::Host,
            rate: budgets.per_host,
            left: 0,
            retry_after: Duration::from_hours(2)
        }
    );
}

#[test]
fn restored_starts_count_in_whatever_order_they_come() {
    let budgets = budgets("2/1h", "10/1h");
    let ledger = Ledger::from_iter([(at(3_000), "a".to_owned()), (at(10), "a".to_owned())]);
    assert_eq!(
        ledger.room(at(3_100), ("a", 1), alone, &budgets).unwrap_err().retry_after,
        Duration::from_secs(510)
    );
    assert_eq!(ledger.iter().next(), Some((at(10), "a")));
}

#[test]
fn a_clock_set_back_keeps_a_charge_for_one_window_at_most() {
    let budgets = budgets("1/1h", "10/1h");
    let mut ledger = Ledger::from_iter([(at(1_000_000), "a".to_owned())]);
    assert!(ledger.room(at(10), ("a", 1), alone, &budgets).is_err());
    ledger.prune(at(10));
    assert!(ledger.room(at(3_609), ("a", 1), alone, &budgets).is_err());
    assert!(ledger.room(at(3_610), ("a", 1), alone, &budgets).is_ok());
}

#[test]
fn starts_that_no_window_reaches_are_forgotten() {
    let mut ledger = Ledger::new();
    ledger.charge(at(0), "a");
    ledger.charge(at(1) + LONGEST_WINDOW, "b");
    assert!(ledger.iter().eq([(at(1) + LONGEST_WINDOW, "b")]));
    assert_eq!((ledger.len(), ledger.is_empty()), (1, false));
}

#[test]
fn a_rate_that_the_backoff_keeps_from_ever_being_reached_is_found_out() {
    let rate: Rate = "60/10m".parse().unwrap();
    let error = rate.can_ever_bind(&series(&plan(60, 60, 1_000), 1)).unwrap_err();
    assert_eq!(error.most_starts, 10);
    assert_eq!(
        error.to_string(),
        "the budget `60/10m` can never be used up: with these delays at most 10 actions start within 10m"
    );
}

#[test]
fn the_budgets_of_the_plan_can_be_used_up() {
    let rate: Rate = "3/1h".parse().unwrap();
    assert_eq!(rate.can_ever_bind(&series(&plan(10, 300, 3), 2)), Ok(()));
}

#[test]
fn without_retries_only_fresh_incidents_use_a_budget() {
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    assert_eq!(
        rate("6/1h").can_ever_bind(&series(&plan(10, 300, 0), 1)).unwrap_err().most_starts,
        6
    );
    assert_eq!(rate("5/1h").can_ever_bind(&series(&plan(10, 300, 0), 1)), Ok(()));
    assert_eq!(
        rate("5/1h").can_ever_bind(&series(&plan(10, 300, 0), 0)).unwrap_err().most_starts,
        1
    );
}

#[test]
fn a_slow_retry_that_comes_before_a_fresh_incident_makes_the_series_denser() {
    let plan = plan(10, 300, 0);
    let slow = Densest { slow_retry: Some(Duration::from_mins(5)), ..series(&plan, 1) };
    assert_eq!(series(&plan, 1).starts(Duration::from_hours(1), 100), 6);
    assert_eq!(slow.starts(Duration::from_hours(1), 100), 12);
}

proptest! {
    #[test]
    fn no_stretch_as_long_as_the_window_holds_more_than_the_count(
        steps in prop::collection::vec((0..2_000u64, 0..3usize), 1..200),
        per_target in 1..6u32,
        per_group in 1..7u32,
        per_host in 1..8u32,
    ) {
        let hour = Duration::from_hours(1);
        let rate = |count| Rate::try_new(count, hour).unwrap();
        let (per_target, per_group, per_host) = (rate(per_target), rate(per_group), rate(per_host));
        let budgets = Budgets { per_target, per_group, per_host };
        // `a` and `b` are of one group, `c` is of none.
        let in_group = |of: usize| move |other: &str| of < 2 && other != "c";
        let mut ledger = Ledger::new();
        let mut now = 0;
        let mut acts: Vec<(u64, usize)> = Vec::new();
        for (wait, target) in steps {
            now += wait;
            let name = ["a", "b", "c"][target];
            let room = ledger.room(at(now), (name, 1), in_group(target), &budgets);
            prop_assert_eq!(ledger.remaining(at(now), name, in_group(target), &budgets) > 0, room.is_ok());
            if room.is_ok() {
                ledger.charge(at(now), name);
                acts.push((now, target));
            }
        }
        for (start, of) in &acts {
            let within = |at: &u64| (*start..start + 3_600).contains(at);
            let host = acts.iter().filter(|(at, _)| within(at)).count();
            let target = acts.iter().filter(|(at, other)| within(at) && other == of).count();
            let group = acts.iter().filter(|(at, other)| within(at) && *other < 2).count();
            prop_assert!(host <= per_host.count() as usize && target <= per_target.count() as usize);
            prop_assert!(*of == 2 || group <= per_group.count() as usize);
        }
    }

    #[test]
    fn there_is_room_exactly_when_it_was_promised(starts in prop::collection::vec(0..3_600u64, 1..50), count in 1..10u32) {
        let budgets = budgets(&format!("{count}/1h"), "1000/1h");
        let ledger: Ledger = starts.iter().map(|start| (at(*start), "a".to_owned())).collect();
        let now = at(3_600);
        if let Err(empty) = ledger.room(now, ("a", 1), alone, &budgets) {
            let promised = now + empty.retry_after;
            prop_assert!(ledger.room(promised, ("a", 1), alone, &budgets).is_ok());
            let just_before = Moment::from_nanos(promised.as_nanos() - 1);
            prop_assert!(ledger.room(just_before, ("a", 1), alone, &budgets).is_err());
        }
    }
}

#[test]
fn what_takes_two_starts_waits_until_there_is_room_for_both() {
    let hour = "3/1h".parse().unwrap();
    let budgets = Budgets { per_target: hour, per_group: hour, per_host: hour };
    let mut ledger = Ledger::new();
    ledger.charge(at(0), "a");
    assert!(ledger.room(at(1), ("a", 2), |_| false, &budgets).is_ok());
    ledger.charge(at(100), "a");
    assert!(ledger.room(at(101), ("a", 1), |_| false, &budgets).is_ok());
    let empty = ledger.room(at(101), ("a", 2), |_| false, &budgets).unwrap_err();
    assert_eq!((empty.left, empty.retry_after), (1, Duration::from_secs(3_600 - 101)));
    assert!(ledger.room(at(3_600), ("a", 2), |_| false, &budgets).is_ok());
    let never = ledger.room(at(9_000), ("a", 4), |_| false, &budgets).unwrap_err();
    assert_eq!((never.left, never.retry_after), (3, Duration::from_hours(1)));
}
