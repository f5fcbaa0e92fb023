//! Laws of the machine, over random scripts.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    See(Seen),
    Act,
    Acted(bool),
    Stop(Stop),
    Release,
    Reset,
    Exhaust(u64),
    Wait(u64),
    /// The agent ends and starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seen =
        prop_oneof![Just(Seen::Unknown), Just(Seen::Up), Just(Seen::Suspect), Just(Seen::Down)];
    let reason = prop_oneof![
        Just(Stop::Maintenance),
        Just(Stop::Blocked),
        Just(Stop::HostIncident),
        Just(Stop::FlapHold),
        Just(Stop::Withheld),
    ];
    let step = prop_oneof![
        6 => seen.prop_map(Step::See),
        6 => Just(Step::Act),
        4 => any::<bool>().prop_map(Step::Acted),
        1 => reason.prop_map(Step::Stop),
        1 => Just(Step::Release),
        1 => Just(Step::Reset),
        1 => (0..4000u64).prop_map(Step::Exhaust),
        6 => (0..700u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..300)
}

/// A machine, and what its caller would keep on disk.
struct Run {
    policy: Policy,
    machine: Machine,
    now: u64,
}

impl Run {
    fn new(policy: Policy) -> Self {
        Self { machine: Machine::new(policy.clone()), policy, now: 0 }
    }

    /// What changed, and whether an action started.
    fn step(&mut self, step: &Step) -> (Option<Change>, bool) {
        let (machine, now) = (&mut self.machine, at(self.now));
        let change = match step {
            Step::See(seen) => machine.see(now, *seen),
            Step::Act => return (None, machine.act()),
            Step::Acted(true) => machine.acted(now, Ended::Ran),
            Step::Acted(false) => machine.acted(now, Ended::Impossible),
            Step::Stop(by) => {
                machine.stop(*by);
                None
            }
            Step::Release => {
                machine.release();
                None
            }
            Step::Reset => {
                machine.reset();
                None
            }
            Step::Exhaust(seconds) => machine.exhaust(at(self.now + seconds)),
            Step::Wait(seconds) => {
                self.now += seconds;
                machine.tick(at(self.now), 0.5)
            }
            Step::Restart => {
                let earlier = Earlier {
                    used: machine.last_used(),
                    unproved: machine.is_unproved(),
                    exhausted: machine.is_used_up(),
                    again_at: machine.again_at(),
                };
                self.machine = if machine.in_incident() {
                    Machine::resume(self.policy.clone(), earlier, now)
                } else {
                    Machine::new(self.policy.clone())
                };
                None
            }
        };
        (change, false)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_incident_takes_no_more_actions_than_its_ladder_has(
        steps in steps(), rungs in 1..4u32, retries in 0..4u32,
    ) {
        let mut run = Run::new(policy(rungs, retries));
        let mut actions = 0;
        for step in &steps {
            let (change, acted) = run.step(step);
            actions += u32::from(acted);
            if change == Some(Change::Closed) || matches!(step, Step::Reset) {
                actions = u32::from(matches!(run.machine.phase(), Phase::Acting | Phase::Verifying { .. }));
            }
            prop_assert!(actions <= rungs * (retries + 1) + 1);
        }
    }

    #[test]
    fn an_action_starts_only_where_health_is_sure_and_nothing_stops_it(steps in steps()) {
        let mut run = Run::new(policy(2, 2));
        let (mut seen, mut stopped) = (Seen::Unknown, false);
        for step in &steps {
            let before = run.machine.phase();
            let (_, acted) = run.step(step);
            match step {
                Step::See(now) => seen = *now,
                Step::Release if matches!(before, Phase::Stopped { .. }) => seen = Seen::Unknown,
                Step::Restart => seen = Seen::Unknown,
                _ => {}
            }
            stopped = if acted { stopped } else { matches!(run.machine.phase(), Phase::Stopped { .. }) };
            if acted {
                prop_assert_eq!(before, Phase::Gate);
                prop_assert_eq!(seen, Seen::Down);
                prop_assert!(!stopped);
            }
            if matches!(run.machine.phase(), Phase::Gate | Phase::Acting | Phase::Verifying { .. } | Phase::Backoff { .. } | Phase::Stabilizing { .. } | Phase::Exhausted { .. }) {
                prop_assert!(run.machine.in_incident());
            }
        }
    }

    #[test]
    fn once_used_up_there_is_one_attempt_per_slow_retry(steps in steps()) {
        let period = 3600;
        let slow_retry = Some(Duration::from_secs(period));
        let mut run = Run::new(Policy { slow_retry, ..policy(2, 1) });
        let mut last_used_up = None;
        for step in &steps {
            let was_used_up = run.machine.is_used_up();
            let (_, acted) = run.step(step);
            if acted && was_used_up {
                let since = last_used_up.map(|last| run.now - last);
                prop_assert!(since.is_none_or(|since| since >= period), "{since:?}");
                last_used_up = Some(run.now);
            }
            if !run.machine.is_used_up() { last_used_up = None; }
        }
    }

    #[test]
    fn whatever_happened_before_a_target_that_stays_down_is_tried_again(steps in steps()) {
        let slow_retry = Some(Duration::from_hours(1));
        let mut run = Run::new(Policy { slow_retry, ..policy(2, 1) });
        for step in &steps { run.step(step); }
        run.step(&Step::Release);
        let mut acted = false;
        for _ in 0..200 {
            run.step(&Step::Acted(true));
            run.step(&Step::Wait(60));
            run.step(&Step::See(Seen::Down));
            acted |= run.step(&Step::Act).1;
        }
        prop_assert!(acted, "dead for ever in {:?}", run.machine.phase());
    }

    #[test]
    fn whatever_happened_before_a_target_that_stays_up_is_healthy_again(steps in steps()) {
        let mut run = Run::new(policy(2, 1));
        for step in &steps { run.step(step); }
        run.step(&Step::Release);
        for _ in 0..30 {
            run.step(&Step::Acted(true));
            run.step(&Step::See(Seen::Up));
            run.step(&Step::Wait(60));
        }
        prop_assert_eq!(run.machine.phase(), Phase::Healthy);
        prop_assert!(!run.machine.in_incident());
    }

    #[test]
    fn without_a_sure_failure_nothing_ever_waits_for_leave(seen in proptest::collection::vec(0..3usize, 0..100)) {
        let mut machine = Machine::new(policy(1, 3));
        for (now, seen) in seen.into_iter().enumerate() {
            let seen = [Seen::Unknown, Seen::Up, Seen::Suspect][seen];
            prop_assert_eq!(machine.see(at(now as u64), seen), None);
            prop_assert_ne!(machine.phase(), Phase::Gate);
        }
    }
}
