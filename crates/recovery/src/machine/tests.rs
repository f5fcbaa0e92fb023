use super::*;
use crate::backoff::RetryPlan;

const VERIFY: Duration = Duration::from_mins(1);
const STABLE: Duration = Duration::from_mins(10);

fn policy(steps: u32, max_retries: u32) -> Policy {
    let second = Duration::from_secs(1);
    let retry = RetryPlan::try_new(second * 10, 2.0, second * 300, 0.0, max_retries, second)
        .expect("the plan's own numbers");
    Policy { steps, retry, verify_timeout: VERIFY, stable_for: STABLE, slow_retry: None }
}

fn at(seconds: u64) -> Moment {
    Moment::ORIGIN + Duration::from_secs(seconds)
}

fn earlier(used: Option<(u32, u32)>, unproved: bool) -> Earlier {
    Earlier { used, unproved, ..Earlier::default() }
}

fn acting(steps: u32, max_retries: u32) -> Machine {
    let mut machine = Machine::new(policy(steps, max_retries));
    assert_eq!(machine.see(at(0), Seen::Down), Some(Change::Opened));
    assert!(machine.act());
    machine
}

#[test]
fn an_action_that_helped_is_verified_and_closed_after_it_stayed_up() {
    let mut machine = acting(1, 3);
    assert_eq!(machine.acted(at(1), Ended::Ran), None);
    assert_eq!(machine.see(at(2), Seen::Unknown), None);
    assert_eq!(machine.see(at(3), Seen::Up), Some(Change::Verified));
    assert_eq!(machine.tick(at(602), 0.0), None);
    assert_eq!(machine.tick(at(603), 0.0), Some(Change::Closed));
    assert_eq!(machine.phase(), Phase::Healthy);
}

#[test]
fn a_notice_proves_nothing_and_the_next_step_follows_at_once() {
    let mut machine = acting(2, 3);
    assert_eq!(machine.acted(at(1), Ended::Told), Some(Change::Escalated { step: 1 }));
    assert_eq!((machine.phase(), machine.attempt()), (Phase::Gate, 0));
    // Up again by then: nobody says that the notice helped.
    assert_eq!(machine.see(at(2), Seen::Up), Some(Change::CameBack));
    let mut last = acting(1, 3);
    assert_eq!(last.acted(at(1), Ended::Told), Some(Change::Exhausted));
}

#[test]
fn the_end_of_an_action_never_means_healed() {
    let mut machine = acting(1, 0);
    machine.acted(at(1), Ended::Ran);
    assert_eq!(machine.phase(), Phase::Verifying { until: at(61) });
    assert_eq!(machine.tick(at(61), 0.0), Some(Change::Exhausted));
}

#[test]
fn three_retries_are_three_further_tries_then_the_next_step() {
    let mut machine = acting(2, 3);
    let mut now = 0;
    for expected in [10, 20, 40] {
        machine.acted(at(now), Ended::Ran);
        now += 60;
        let after = Duration::from_secs(expected);
        assert_eq!(machine.tick(at(now), 0.0), Some(Change::Retrying { after }));
        now += expected;
        assert_eq!(machine.tick(at(now), 0.0), None);
        assert_eq!(machine.phase(), Phase::Gate);
        assert!(machine.act());
    }
    machine.acted(at(now), Ended::Ran);
    assert_eq!(machine.tick(at(now + 60), 0.0), Some(Change::Escalated { step: 1 }));
    assert_eq!((machine.step(), machine.attempt()), (1, 0));
}

#[test]
fn what_can_never_work_is_not_tried_again() {
    let mut machine = acting(2, 3);
    assert_eq!(machine.acted(at(1), Ended::Impossible), Some(Change::Escalated { step: 1 }));
    assert!(machine.act());
    assert_eq!(machine.acted(at(2), Ended::Impossible), Some(Change::Exhausted));
}

#[test]
fn a_relapse_continues_the_same_incident_and_its_attempts() {
    let mut machine = acting(1, 3);
    machine.acted(at(1), Ended::Ran);
    machine.tick(at(61), 0.0);
    machine.tick(at(71), 0.0);
    assert!(machine.act());
    machine.acted(at(72), Ended::Ran);
    machine.see(at(73), Seen::Up);
    assert_eq!(machine.see(at(100), Seen::Down), Some(Change::Relapsed));
    assert_eq!(machine.attempt(), 2);
    assert_eq!(machine.phase(), Phase::Backoff { until: at(120) });
}

#[test]
fn an_exhausted_target_that_stays_up_by_itself_is_healthy_again() {
    let mut machine = acting(1, 0);
    machine.acted(at(0), Ended::Impossible);
    machine.see(at(10), Seen::Up);
    machine.see(at(20), Seen::Down);
    assert_eq!(machine.tick(at(1000), 0.0), None);
    machine.see(at(1000), Seen::Up);
    assert_eq!(machine.tick(at(1600), 0.0), Some(Change::Closed));
}

#[test]
fn a_budget_that_has_room_again_resumes() {
    let mut machine = Machine::new(policy(1, 3));
    machine.see(at(0), Seen::Down);
    assert_eq!(machine.exhaust(at(50)), Some(Change::Exhausted));
    assert_eq!(machine.tick(at(49), 0.0), None);
    assert_eq!(machine.tick(at(50), 0.0), Some(Change::Resumed));
    assert_eq!(machine.phase(), Phase::Gate);
}

#[test]
fn a_lost_action_is_verified_and_never_run_again() {
    let mut machine = Machine::resume(policy(1, 1), earlier(Some((0, 1)), true), at(0));
    assert_eq!(machine.phase(), Phase::Verifying { until: at(60) });
    assert_eq!(machine.tick(at(60), 0.0), Some(Change::Exhausted));
}

#[test]
fn a_restart_of_the_agent_grants_no_fresh_attempts() {
    let mut machine = Machine::resume(policy(2, 1), earlier(Some((0, 0)), false), at(0));
    assert_eq!((machine.phase(), machine.step(), machine.attempt()), (Phase::Unknown, 0, 1));
    assert_eq!(machine.see(at(0), Seen::Down), None, "the same incident goes on");
    assert_eq!(machine.phase(), Phase::Gate);
    let machine = Machine::resume(policy(2, 1), earlier(Some((0, 1)), false), at(0));
    assert_eq!((machine.phase(), machine.step(), machine.attempt()), (Phase::Unknown, 1, 0));
    let machine = Machine::resume(policy(2, 1), earlier(Some((1, 1)), false), at(0));
    assert_eq!((machine.phase(), machine.is_used_up()), (Phase::Unknown, true));
    let mut machine = machine;
    machine.see(at(0), Seen::Down);
    assert_eq!(machine.phase(), Phase::Exhausted { until: None, healthy_at: None });
}

#[test]
fn an_incident_that_was_open_closes_once_the_target_stayed_up() {
    let mut machine = Machine::resume(policy(1, 0), earlier(None, false), at(0));
    assert_eq!(machine.see(at(0), Seen::Up), Some(Change::CameBack));
    assert_eq!(machine.tick(at(600), 0.0), Some(Change::Closed));
}

#[test]
fn before_the_first_sure_look_nothing_is_decided() {
    let mut machine = Machine::new(policy(1, 0));
    assert_eq!(machine.see(at(0), Seen::Unknown), None);
    assert_eq!(machine.see(at(1), Seen::Suspect), None);
    assert!(!machine.act(), "R1: observe first");
    machine.see(at(2), Seen::Up);
    assert_eq!(machine.phase(), Phase::Healthy);
}

#[test]
fn a_soft_failure_is_looked_at_more_closely_and_nothing_more() {
    let mut machine = Machine::new(policy(1, 0));
    machine.see(at(0), Seen::Up);
    machine.see(at(1), Seen::Suspect);
    assert_eq!(machine.phase(), Phase::Suspect, "R2");
    assert!(machine.wants_a_closer_look() && !machine.in_incident());
    machine.see(at(2), Seen::Up);
    assert_eq!(machine.phase(), Phase::Healthy, "R3");
}

#[test]
fn nothing_acts_on_what_may_be_up_again() {
    let mut machine = Machine::new(policy(1, 0));
    machine.see(at(0), Seen::Down);
    for seen in [Seen::Unknown, Seen::Suspect] {
        machine.see(at(1), seen);
        assert!(!machine.act(), "{seen:?}");
    }
    machine.see(at(2), Seen::Down);
    assert!(machine.act());
}

#[test]
fn a_used_up_ladder_takes_its_steps_in_turn_one_per_slow_retry_for_ever() {
    let slow_retry = Some(Duration::from_hours(1));
    let mut machine = Machine::new(Policy { slow_retry, ..policy(2, 0) });
    let mut now = 0;
    machine.see(at(now), Seen::Down);
    for _ in 0..2 {
        assert!(machine.act());
        machine.acted(at(now), Ended::Ran);
        now += 60;
        machine.tick(at(now), 0.0);
    }
    assert!(machine.is_used_up());
    for step in [0, 1, 0, 1, 0] {
        assert_eq!(machine.tick(at(now + 3599), 0.0), None);
        now += 3600;
        assert_eq!(machine.tick(at(now), 0.0), Some(Change::Resumed));
        assert_eq!((machine.step(), machine.attempt()), (step, 0));
        assert!(machine.act());
        machine.acted(at(now), Ended::Ran);
        now += 60;
        assert_eq!(machine.tick(at(now), 0.0), Some(Change::Exhausted), "one attempt each");
    }
}

#[test]
fn a_relapse_after_a_slow_retry_waits_for_the_next_one() {
    let slow_retry = Some(Duration::from_hours(1));
    let mut machine = Machine::new(Policy { slow_retry, ..policy(1, 0) });
    machine.see(at(0), Seen::Down);
    assert!(machine.act());
    machine.acted(at(0), Ended::Impossible);
    machine.tick(at(3600), 0.0);
    assert!(machine.act());
    machine.acted(at(3600), Ended::Ran);
    assert_eq!(machine.see(at(3610), Seen::Up), Some(Change::Verified));
    assert_eq!(machine.see(at(3700), Seen::Down), Some(Change::Relapsed));
    let until = Some(at(7300));
    assert_eq!(machine.phase(), Phase::Exhausted { until, healthy_at: None });
}

#[test]
fn a_hold_takes_effect_everywhere_but_in_an_action_and_its_proof() {
    let mut machine = acting(1, 3);
    assert!(!machine.stop(Stop::Maintenance), "R16: it ends and is recorded");
    machine.acted(at(1), Ended::Ran);
    assert!(!machine.stop(Stop::Maintenance));
    assert_eq!(machine.tick(at(61), 0.0), Some(Change::Retrying { after: 10 * VERIFY / 60 }));
    assert!(machine.stop(Stop::Maintenance));
    assert!(!machine.stop(Stop::HostIncident), "a hold is above everything else");
    assert_eq!(machine.see(at(62), Seen::Down), None);
    assert!(machine.release());
    assert_eq!(machine.phase(), Phase::Unknown);
    machine.see(at(63), Seen::Down);
    assert_eq!(machine.phase(), Phase::Backoff { until: at(71) }, "no delay is shortened");
    let mut quiet = Machine::new(policy(1, 0));
    quiet.see(at(0), Seen::Up);
    assert!(quiet.stop(Stop::Maintenance));
    assert_eq!(quiet.see(at(1), Seen::Down), None, "no incident while it is held");
    quiet.release();
    assert_eq!(quiet.see(at(2), Seen::Down), Some(Change::Opened));
}

#[test]
fn a_victim_opens_no_incident_and_gets_its_own_try_after_a_fresh_look() {
    let mut machine = Machine::new(policy(1, 0));
    machine.see(at(0), Seen::Up);
    assert!(machine.stop(Stop::Blocked));
    assert_eq!(machine.see(at(1), Seen::Down), None);
    assert!(!machine.in_incident());
    machine.release();
    assert!(!machine.act());
    assert_eq!(machine.see(at(2), Seen::Down), Some(Change::Opened));
    assert!(machine.act());
    let mut healed = Machine::new(policy(1, 0));
    healed.stop(Stop::Blocked);
    healed.see(at(1), Seen::Up);
    assert_eq!(healed.phase(), Phase::Healthy);
}

#[test]
fn a_flap_hold_ends_in_suspicion_and_a_storm_in_ignorance() {
    for (by, after) in [(Stop::FlapHold, Phase::Suspect), (Stop::HostIncident, Phase::Unknown)] {
        let mut machine = Machine::new(policy(1, 0));
        machine.see(at(0), Seen::Down);
        assert!(machine.stop(by));
        machine.see(at(1), Seen::Up);
        assert_eq!(machine.phase(), Phase::Stopped { by }, "it ends when its cause ends");
        assert!(machine.release());
        assert_eq!(machine.phase(), after);
        assert_eq!(machine.see(at(2), Seen::Up), Some(Change::CameBack), "the incident goes on");
    }
}

#[test]
fn an_operator_gives_an_exhausted_target_a_fresh_ladder() {
    let mut machine = acting(2, 0);
    machine.acted(at(0), Ended::Impossible);
    assert!(machine.act());
    machine.acted(at(0), Ended::Impossible);
    assert!(machine.is_used_up());
    machine.reset();
    assert_eq!((machine.phase(), machine.step(), machine.last_used()), (Phase::Unknown, 0, None));
    machine.see(at(1), Seen::Down);
    assert!(machine.act());
}

#[test]
fn a_delay_goes_on_over_the_end_of_an_agent_and_is_never_longer_than_it_can_be() {
    let wait = |again_at: u64| {
        let used = Some((0, 0));
        let earlier = Earlier { used, again_at: Some(at(again_at)), ..Earlier::default() };
        let mut machine = Machine::resume(policy(1, 3), earlier, at(100));
        machine.see(at(101), Seen::Down);
        machine.phase()
    };
    assert_eq!(wait(130), Phase::Backoff { until: at(130) });
    assert_eq!(wait(99_999), Phase::Backoff { until: at(400) }, "the cap");
    assert_eq!(wait(90), Phase::Gate);
}

mod laws;

#[test]
fn what_relapses_under_a_hold_has_had_its_attempt() {
    let mut machine = acting(1, 3);
    machine.acted(at(1), Ended::Ran);
    assert_eq!(machine.see(at(2), Seen::Up), Some(Change::Verified));
    assert!(machine.stop(Stop::Maintenance));
    assert_eq!(machine.see(at(10), Seen::Down), None);
    assert!(machine.release());
    assert_eq!(machine.see(at(20), Seen::Down), Some(Change::Relapsed), "R13");
    assert_eq!((machine.step(), machine.attempt()), (0, 1));
    assert_eq!(machine.phase(), Phase::Backoff { until: at(30) });
}
