//! One test or more for each of T1 to T16, and for what the settings refuse.

use super::*;

#[test]
fn t1_to_t3_a_closed_breaker_lets_calls_pass_and_counts_them() {
    let mut breaker = breaker(draft());
    succeed(&mut breaker, at(0));
    fail(&mut breaker, at(1));
    assert_eq!(breaker.counts(at(1)), Counts { results: 2, failures: 1, slow: 0 });
    assert_eq!(breaker.state(at(1)), BreakerState::Closed);
}

#[test]
fn t4_it_opens_exactly_at_the_volume_and_the_share() {
    let mut breaker = breaker(draft());
    succeed(&mut breaker, at(0));
    succeed(&mut breaker, at(0));
    fail(&mut breaker, at(0));
    assert_eq!(breaker.state(at(0)), BreakerState::Closed);
    fail(&mut breaker, at(0));
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
    let tripped = Reason::Tripped(Counts { results: 4, failures: 2, slow: 0 });
    let change =
        Change { at: at(0), from: BreakerState::Closed, to: BreakerState::Open, reason: tripped };
    assert_eq!(breaker.drain_changes(), [change]);
    assert_eq!(breaker.drain_changes(), []);
}

#[test]
fn t5_a_late_result_changes_nothing_and_the_caller_is_told() {
    let mut breaker = breaker(draft());
    let [early, late] = [0, 1].map(|_| breaker.try_acquire(at(0)).unwrap());
    for _ in 0..4 {
        fail(&mut breaker, at(0));
    }
    assert!(!breaker.failure(early, at(1)));
    assert_eq!(breaker.open_until(at(1)), Some(at(30)));
    assert!(!breaker.success(late, at(40)));
    assert_eq!(breaker.state(at(40)), BreakerState::HalfOpen);
    assert_eq!(breaker.stale_results(), 2);
}

#[test]
fn t6_an_ignored_call_counts_for_nothing_and_frees_its_trial() {
    let mut breaker = tripped(draft());
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert_eq!(trial.kind(), PermitKind::Trial);
    assert!(breaker.try_acquire(at(31)).is_err());
    assert!(breaker.ignore(trial, at(31)));
    assert_eq!(breaker.state(at(31)), BreakerState::HalfOpen);
    succeed(&mut breaker, at(32));
    let permit = breaker.try_acquire(at(33)).unwrap();
    assert!(breaker.ignore(permit, at(33)));
    assert_eq!(breaker.counts(at(33)), Counts::default());
}

#[test]
fn t7_and_t8_it_refuses_until_its_deadline_and_half_opens_exactly_then() {
    let mut breaker = tripped(draft());
    let just_before = Moment::from_nanos(at(30).as_nanos() - 1);
    let rejected = breaker.try_acquire(just_before).unwrap_err();
    assert_eq!(rejected.retry_after, Some(Duration::from_nanos(1)));
    assert_eq!(rejected.state, BreakerState::Open);
    assert_eq!(breaker.state(just_before), BreakerState::Open);
    assert_eq!(breaker.state(at(30)), BreakerState::HalfOpen);
    assert_eq!(breaker.try_acquire(at(30)).unwrap().kind(), PermitKind::Trial);
}

#[test]
fn t9_and_t10_no_more_trials_than_are_allowed() {
    let mut breaker = tripped(Draft { half_open_max_calls: 2, ..draft() });
    let _first = breaker.try_acquire(at(30)).unwrap();
    let _second = breaker.try_acquire(at(35)).unwrap();
    let rejected = breaker.try_acquire(at(40)).unwrap_err();
    assert_eq!(rejected.retry_after, Some(Duration::from_secs(20)));
    assert_eq!(rejected.state, BreakerState::HalfOpen);
    assert_eq!(breaker.trials(at(40)), 2);
}

#[test]
fn t11_a_lost_trial_opens_it_again_when_its_lease_ends_whenever_that_is_noticed() {
    let mut breaker = tripped(draft());
    let lost = breaker.try_acquire(at(30)).unwrap();
    assert_eq!(breaker.state(at(59)), BreakerState::HalfOpen);
    assert_eq!(breaker.state(at(60)), BreakerState::Open);
    assert_eq!(breaker.open_until(at(75)), Some(at(90)));
    assert_eq!(breaker.state(at(90)), BreakerState::HalfOpen);
    assert!(!breaker.success(lost, at(80)));
    let reasons: Vec<_> =
        breaker.drain_changes().iter().map(|change| (change.at, change.reason)).collect();
    assert_eq!(reasons[1..], [(at(30), Reason::Due), (at(60), Reason::LostTrial)]);
}

#[test]
fn t11_a_lost_trial_makes_the_next_wait_longer_as_a_failed_one_does() {
    let mut breaker = tripped(Draft { reset_multiplier: 2, ..draft() });
    let _lost = breaker.try_acquire(at(30)).unwrap();
    assert_eq!(breaker.open_until(at(60)), Some(at(120)));
    fail(&mut breaker, at(120));
    assert_eq!(breaker.open_until(at(120)), Some(at(240)));
}

#[test]
fn t12_it_closes_after_as_many_successes_as_it_needs_with_an_empty_window() {
    let mut breaker = tripped(Draft { half_open_successes: 3, ..draft() });
    for second in 30..32 {
        succeed(&mut breaker, at(second));
        assert_eq!(breaker.state(at(second)), BreakerState::HalfOpen);
    }
    succeed(&mut breaker, at(32));
    assert_eq!(breaker.state(at(32)), BreakerState::Closed);
    assert_eq!(breaker.counts(at(32)), Counts::default());
}

#[test]
fn t13_each_failed_trial_doubles_the_wait_up_to_the_longest() {
    let reset_max = Duration::from_secs(100);
    let mut breaker = tripped(Draft { reset_multiplier: 2, reset_max, ..draft() });
    let mut now = at(30);
    for expected in [60, 100, 100] {
        fail(&mut breaker, now);
        let until = now + Duration::from_secs(expected);
        assert_eq!(breaker.open_until(now), Some(until));
        now = until;
    }
    // Closed for anything less than the longest wait forgives nothing, for that long all.
    succeed(&mut breaker, now);
    let now = now + reset_max.saturating_sub(Duration::from_nanos(1));
    for _ in 0..4 {
        fail(&mut breaker, now);
    }
    assert_eq!(breaker.open_until(now), Some(now + reset_max));
    let now = now + reset_max;
    succeed(&mut breaker, now);
    let now = now + reset_max;
    for _ in 0..4 {
        fail(&mut breaker, now);
    }
    assert_eq!(breaker.open_until(now), Some(now + RESET));
}

#[test]
fn t14_a_forced_state_ends_only_by_command() {
    let mut breaker = breaker(draft());
    let early = breaker.try_acquire(at(0)).unwrap();
    breaker.force_open(at(1));
    let rejected = breaker.try_acquire(at(1_000_000)).unwrap_err();
    assert_eq!((rejected.retry_after, rejected.state), (None, BreakerState::Isolated));
    assert!(!breaker.failure(early, at(1_000_000)));
    let now = at(1_000_000);
    for (command, state) in [
        (Breaker::force_closed as fn(&mut Breaker, Moment), BreakerState::ForcedClosed),
        (Breaker::disable, BreakerState::Disabled),
    ] {
        command(&mut breaker, now);
        for _ in 0..20 {
            fail(&mut breaker, now);
        }
        assert_eq!(breaker.state(now), state);
        assert_eq!(breaker.counts(now), Counts::default());
    }
    breaker.reset(now);
    assert_eq!(breaker.state(now), BreakerState::Closed);
}

#[test]
fn t15_time_that_steps_back_counts_as_the_latest_seen() {
    let mut breaker = tripped(draft());
    assert!(breaker.try_acquire(at(20)).is_err());
    let rejected = breaker.try_acquire(at(5)).unwrap_err();
    assert_eq!(rejected.retry_after, Some(Duration::from_secs(10)));
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert_eq!(breaker.state(at(0)), BreakerState::HalfOpen);
    assert!(breaker.failure(trial, at(0)));
    assert_eq!(breaker.open_until(at(0)), Some(at(60)));
}

#[test]
fn t16_a_breaker_saved_while_open_is_open_until_the_same_time_of_day() {
    let open = tripped(Draft { reset_multiplier: 2, ..draft() });
    let snapshot = open.snapshot(at(10), 1_000_000);
    assert_eq!(snapshot.open_until_wall_ms, Some(1_020_000));
    let restore = |wall_ms| {
        let config = open.config().clone();
        Breaker::restore(config, &snapshot, at(500), wall_ms).open_until(at(500))
    };
    assert_eq!(restore(1_005_000), Some(at(515)));
    assert_eq!(restore(1_020_000), None);
    // A clock set back: the longest wait from now, and no longer.
    assert_eq!(restore(0), Some(at(800)));
    assert_eq!(restore(i64::MIN), Some(at(800)));
}

#[test]
fn t16_a_wait_saved_within_a_millisecond_is_not_shortened() {
    let open = tripped(draft());
    let snapshot = open.snapshot(Moment::from_nanos(1), 0);
    assert_eq!(snapshot.open_until_wall_ms, Some(30_000));
}

#[test]
fn t16_half_open_is_due_for_a_trial_closed_has_an_empty_window_and_forced_stays() {
    let half_open = tripped(draft()).snapshot(at(30), 0);
    assert_eq!(half_open.state, BreakerState::HalfOpen);
    let config = Config::try_new(draft()).unwrap();
    let mut restored = Breaker::restore(config.clone(), &half_open, at(7), 0);
    assert_eq!(restored.state(at(7)), BreakerState::HalfOpen);
    assert_eq!(restored.try_acquire(at(7)).unwrap().kind(), PermitKind::Trial);

    let mut closed = breaker(draft());
    fail(&mut closed, at(0));
    let restored = Breaker::restore(config.clone(), &closed.snapshot(at(0), 0), at(7), 0);
    assert_eq!(
        (restored.state(at(7)), restored.counts(at(7))),
        (BreakerState::Closed, Counts::default())
    );

    closed.force_open(at(0));
    let restored = Breaker::restore(config, &closed.snapshot(at(0), 0), at(7), 0);
    assert_eq!(restored.state(at(7_000_000)), BreakerState::Isolated);
}

#[test]
fn t16_a_failed_trial_is_remembered_over_a_restart() {
    let doubling = Draft { reset_multiplier: 2, ..draft() };
    let mut breaker = tripped(doubling);
    fail(&mut breaker, at(30));
    let snapshot = breaker.snapshot(at(30), 0);
    assert_eq!(snapshot.failed_trials, 1);
    let mut restored = Breaker::restore(breaker.config().clone(), &snapshot, at(0), 60_000);
    fail(&mut restored, at(0));
    assert_eq!(restored.open_until(at(0)), Some(at(120)));
}

#[test]
fn settings_that_cannot_be_name_key_value_and_what_is_accepted() {
    let refused = |draft: Draft| Config::try_new(draft).unwrap_err().to_string();
    let text = refused(Draft { error_threshold: 0, ..draft() });
    assert_eq!(text, "`error_threshold = 0` is not accepted: 1 to 100");
    let text = refused(Draft { error_threshold: 101, ..draft() });
    assert_eq!(text, "`error_threshold = 101` is not accepted: 1 to 100");
    let text = refused(Draft { reset_max: Duration::from_secs(29), ..draft() });
    assert_eq!(text, "`reset_max = 29s` is not accepted: at least `reset_timeout` (30s)");
    let text = refused(Draft { window: Window::Count { size: 3, max_age: None }, ..draft() });
    assert!(
        text.starts_with(
            "`window.size = 3` is not accepted: at least `request_volume_threshold` (4)"
        )
    );
    let zero = Duration::ZERO;
    for (key, draft) in [
        ("request_volume_threshold", Draft { request_volume_threshold: 0, ..draft() }),
        ("reset_timeout", Draft { reset_timeout: zero, ..draft() }),
        ("reset_timeout", Draft { reset_timeout: Duration::MAX, ..draft() }),
        ("half_open_max_calls", Draft { half_open_max_calls: 0, ..draft() }),
        ("half_open_successes", Draft { half_open_successes: 0, ..draft() }),
        ("reset_multiplier", Draft { reset_multiplier: 0, ..draft() }),
        ("trial_lease", Draft { trial_lease: Some(zero), ..draft() }),
        (
            "window.max_age",
            Draft { window: Window::Count { size: 10, max_age: Some(zero) }, ..draft() },
        ),
        ("window.length", Draft { window: Window::Time { length: zero, buckets: 1 }, ..draft() }),
        (
            "window.length",
            Draft {
                window: Window::Time { length: Duration::from_millis(9), buckets: 10 },
                ..draft()
            },
        ),
        ("window.buckets", Draft { window: Window::Time { length: RESET, buckets: 0 }, ..draft() }),
    ] {
        assert_eq!(Config::try_new(draft).unwrap_err().key, key);
    }
}

#[test]
fn a_trial_may_take_twice_the_call_timeout_or_the_reset_timeout_whichever_is_longer() {
    let lease = |seconds| {
        let call_timeout = Duration::from_secs(seconds);
        Config::try_new(Draft { call_timeout, ..draft() }).unwrap().trial_lease().as_secs()
    };
    assert_eq!([lease(0), lease(15), lease(16)], [30, 30, 32]);
}

#[test]
fn the_window_of_the_plan_can_never_open_and_the_default_one_can() {
    let interval = Duration::from_secs(30);
    let with = |window| Config::try_new(Draft { window, ..Draft::default() }).unwrap();
    let ten_seconds = with(Window::Time { length: Duration::from_secs(10), buckets: 10 });
    assert_eq!(
        ten_seconds.can_ever_open(4, interval).unwrap_err().to_string(),
        "this breaker can never open: a window of 10s holds 0 cycles of 30s, each with at most 4 attempts, so 0 results, \
         and request_volume_threshold is 10"
    );
    let ten_intervals = with(Window::Count { size: 20, max_age: Some(interval * 10) });
    for attempts in 1..=4 {
        assert_eq!(ten_intervals.can_ever_open(attempts, interval), Ok(()));
    }
    let nine_intervals = with(Window::Count { size: 20, max_age: Some(interval * 9) });
    assert_eq!(nine_intervals.can_ever_open(1, interval).unwrap_err().results, 9);
    assert_eq!(with(Window::Count { size: 20, max_age: None }).can_ever_open(1, interval), Ok(()));
}

#[test]
fn the_checks_of_the_plan_open_in_the_third_and_fifth_failing_cycle() {
    // Section 2.3: /health has 4 attempts in a failing cycle, /metrics 2.
    for (attempts, opens_in) in [(4, 3), (2, 5)] {
        let interval = Duration::from_secs(30);
        let window = Window::Count { size: 20, max_age: Some(interval * 10) };
        let mut breaker = breaker(Draft { window, ..Draft::default() });
        let cycle = (1..100).find(|cycle| {
            let now = at(30 * cycle);
            for _ in 0..attempts {
                if breaker.state(now) == BreakerState::Closed {
                    fail(&mut breaker, now);
                }
            }
            breaker.state(now) == BreakerState::Open
        });
        assert_eq!(cycle, Some(opens_in));
    }
}
