//! Defects of other breakers (docs/semantics.md, 2.1). B5 is about threads: `shared.rs`.

use super::*;

#[test]
fn b1_half_open_does_not_let_everybody_in() {
    let mut breaker = tripped(draft());
    let admitted: Vec<_> = (0..100).filter_map(|_| breaker.try_acquire(at(30)).ok()).collect();
    assert_eq!(admitted.len(), 1);
}

#[test]
fn b1_a_trial_that_ended_does_not_let_more_in_than_are_out() {
    let mut breaker = tripped(Draft { half_open_max_calls: 2, half_open_successes: 10, ..draft() });
    let first = breaker.try_acquire(at(30)).unwrap();
    let _second = breaker.try_acquire(at(30)).unwrap();
    assert!(breaker.success(first, at(31)));
    let _third = breaker.try_acquire(at(31)).unwrap();
    assert!(breaker.try_acquire(at(31)).is_err());
}

#[test]
fn b2_a_lost_trial_does_not_keep_it_half_open_for_ever() {
    let mut breaker = tripped(draft());
    drop(breaker.try_acquire(at(30)).unwrap());
    assert!(breaker.try_acquire(at(59)).is_err());
    // The lease ends at 60; open until 90; then the next trial closes it.
    succeed(&mut breaker, at(90));
    assert_eq!(breaker.state(at(90)), BreakerState::Closed);
}

#[test]
fn b2_an_ignored_trial_does_not_use_up_its_place() {
    let mut breaker = tripped(draft());
    for second in 30..1_000 {
        let trial = breaker.try_acquire(at(second)).unwrap();
        assert!(breaker.ignore(trial, at(second)));
    }
    succeed(&mut breaker, at(1_000));
    assert_eq!(breaker.state(at(1_000)), BreakerState::Closed);
}

#[test]
fn b2_fewer_places_than_successes_needed_is_not_stuck() {
    let mut breaker = tripped(Draft { half_open_max_calls: 1, half_open_successes: 3, ..draft() });
    for second in 30..33 {
        succeed(&mut breaker, at(second));
    }
    assert_eq!(breaker.state(at(33)), BreakerState::Closed);
}

#[test]
fn b2_the_volume_does_not_matter_while_half_open() {
    let mut breaker = tripped(Draft { request_volume_threshold: 10, ..draft() });
    fail(&mut breaker, at(30));
    assert_eq!(breaker.state(at(30)), BreakerState::Open);
}

#[test]
fn b3_a_late_result_does_not_close_open_or_free_a_place() {
    let mut breaker = breaker(draft());
    let [late_success, late_failure, later] = [0; 3].map(|_| breaker.try_acquire(at(0)).unwrap());
    for _ in 0..4 {
        fail(&mut breaker, at(0));
    }
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert!(!breaker.success(late_success, at(31)));
    assert!(!breaker.failure(late_failure, at(31)));
    assert!(!breaker.ignore(later, at(31)));
    assert_eq!(breaker.state(at(31)), BreakerState::HalfOpen);
    assert!(breaker.try_acquire(at(31)).is_err());
    assert!(breaker.success(trial, at(32)));
}

#[test]
fn b3_a_trial_of_an_earlier_half_open_time_is_late() {
    let mut breaker = tripped(draft());
    let lost = breaker.try_acquire(at(30)).unwrap();
    let trial = breaker.try_acquire(at(90)).unwrap();
    assert!(!breaker.success(lost, at(91)));
    assert_eq!(breaker.state(at(91)), BreakerState::HalfOpen);
    assert!(breaker.success(trial, at(91)));
}

#[test]
fn b4_failures_at_the_same_time_open_it_once_and_not_for_ever() {
    let mut breaker = breaker(draft());
    let permits: Vec<_> = (0..10).map(|_| breaker.try_acquire(at(0)).unwrap()).collect();
    let counted =
        permits.into_iter().filter_map(|permit| breaker.failure(permit, at(1)).then_some(()));
    assert_eq!(counted.count(), 4);
    assert_eq!(breaker.state(at(31)), BreakerState::HalfOpen);
    let opened = breaker.drain_changes();
    assert_eq!(opened.iter().filter(|change| change.to == BreakerState::Open).count(), 1);
}

#[test]
fn b6_a_step_of_the_time_of_day_neither_lengthens_nor_ends_a_wait() {
    // Only a snapshot knows the time of day; the running breaker has `now` alone, which does not step.
    let open = tripped(draft());
    let snapshot = open.snapshot(at(0), 1_000_000);
    let left = |wall_ms| {
        let restored = Breaker::restore(open.config().clone(), &snapshot, at(0), wall_ms);
        restored.open_until(at(0)).map(|until| until.saturating_since(at(0)).as_secs())
    };
    assert_eq!(left(1_000_000), Some(30));
    assert!(left(-1_000_000_000).unwrap() <= 300);
}

#[test]
fn b7_an_idle_hour_empties_the_whole_window() {
    for window in [
        Window::Time { length: Duration::from_secs(10), buckets: 10 },
        Window::Count { size: 20, max_age: Some(Duration::from_secs(10)) },
    ] {
        let mut breaker = breaker(Draft { request_volume_threshold: 10, window, ..draft() });
        for _ in 0..9 {
            fail(&mut breaker, at(0));
        }
        fail(&mut breaker, at(3_600));
        assert_eq!(breaker.counts(at(3_600)), Counts { results: 1, failures: 1, slow: 0 });
        assert_eq!(breaker.state(at(3_600)), BreakerState::Closed);
    }
}

#[test]
fn b7_a_step_count_beyond_32_bits_is_not_cut_off() {
    let window = Window::Time { length: Duration::from_millis(10), buckets: 10 };
    let mut breaker = breaker(Draft { window, ..draft() });
    fail(&mut breaker, at(0));
    let later = Moment::since_origin(Duration::from_millis(u64::from(u32::MAX) + 1));
    assert_eq!(breaker.counts(later), Counts::default());
}

#[test]
fn b8_the_window_slides_whatever_went_before() {
    let mut breaker = breaker(Draft { request_volume_threshold: 10, ..draft() });
    for _ in 0..5_000 {
        succeed(&mut breaker, at(0));
    }
    let needed = (1..100).find(|_| {
        fail(&mut breaker, at(1));
        breaker.state(at(1)) == BreakerState::Open
    });
    assert_eq!(needed, Some(5));
}

#[test]
fn b9_the_volume_is_not_off_by_one() {
    let mut breaker = breaker(Draft { request_volume_threshold: 10, ..draft() });
    for _ in 0..9 {
        fail(&mut breaker, at(0));
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Closed);
    fail(&mut breaker, at(0));
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
}

#[test]
fn b10_a_share_just_below_the_threshold_is_below_it() {
    let failures_of_1000 = |failures| Counts { results: 1_000, failures, slow: 0 };
    assert!(!failures_of_1000(339).reach(34));
    assert!(failures_of_1000(340).reach(34));
    assert!(Counts { results: 3, failures: 1, slow: 0 }.reach(33));
    assert!(!Counts { results: u32::MAX, failures: u32::MAX - 1, slow: 0 }.reach(100));
}

#[test]
fn b11_failures_are_compared_with_results_of_the_same_window() {
    let mut breaker =
        breaker(Draft { request_volume_threshold: 1, error_threshold: 100, ..draft() });
    let permit = breaker.try_acquire(at(0)).unwrap();
    // The call began long before its result: it counts where it ended, among results only.
    assert!(breaker.failure(permit, at(86_400)));
    let reason = breaker.drain_changes()[0].reason;
    assert_eq!(reason, Reason::Tripped(Counts { results: 1, failures: 1, slow: 0 }));
}

#[test]
fn b12_refused_calls_and_calls_under_way_do_not_dilute_the_share() {
    let mut breaker = breaker(draft());
    let under_way: Vec<_> = (0..100).map(|_| breaker.try_acquire(at(0)).unwrap()).collect();
    for _ in 0..4 {
        fail(&mut breaker, at(0));
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
    assert!((0..100).all(|_| breaker.try_acquire(at(1)).is_err()));
    assert_eq!(breaker.counts(at(1)), Counts::default());
    drop(under_way);
}

#[test]
fn b13_old_failures_do_not_open_it_again_after_it_closed() {
    let window = Window::Time { length: Duration::from_mins(10), buckets: 10 };
    let mut breaker = tripped(Draft { window, ..draft() });
    succeed(&mut breaker, at(30));
    fail(&mut breaker, at(31));
    assert_eq!(breaker.state(at(31)), BreakerState::Closed);
}

#[test]
fn b14_a_breaker_restored_a_millisecond_after_it_was_saved_is_still_open() {
    let open = tripped(draft());
    let snapshot = open.snapshot(at(0), 5_000);
    let restored = Breaker::restore(open.config().clone(), &snapshot, at(0), 5_001);
    assert_eq!(
        restored.open_until(at(0)),
        Some(Moment::since_origin(Duration::from_millis(29_999)))
    );
}

#[test]
fn b15_a_failure_while_open_does_not_move_the_deadline() {
    let mut breaker = breaker(draft());
    let late = breaker.try_acquire(at(0)).unwrap();
    for _ in 0..4 {
        fail(&mut breaker, at(0));
    }
    breaker.failure(late, at(29));
    assert_eq!(breaker.open_until(at(29)), Some(at(30)));
}

#[test]
fn b16_a_local_refusal_neither_counts_nor_burns_the_trial() {
    let mut breaker = tripped(draft());
    // The caller's own semaphore was full: the peer was never asked.
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert!(breaker.ignore(trial, at(30)));
    succeed(&mut breaker, at(30));
    for _ in 0..100 {
        let permit = breaker.try_acquire(at(31)).unwrap();
        assert!(breaker.ignore(permit, at(31)));
    }
    assert_eq!(breaker.state(at(31)), BreakerState::Closed);
    assert_eq!(breaker.counts(at(31)), Counts::default());
}

#[test]
fn b17_a_call_that_was_given_up_is_judged_once() {
    // What it still does later has no permit left to report with; that the work itself is ended is the caller's part, and
    // that of `layer`, which drops it.
    let mut breaker = breaker(draft());
    let permit = breaker.try_acquire(at(0)).unwrap();
    assert!(breaker.failure(permit, at(5)));
    assert_eq!(breaker.counts(at(5)), Counts { results: 1, failures: 1, slow: 0 });
}
