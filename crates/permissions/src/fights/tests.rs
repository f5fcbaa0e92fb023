use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn hash() -> &'static Path {
    Path::new("a.hash")
}

/// Repairs at once whatever an opponent undoes at once, for so long; says when it was repaired.
fn fight(fights: &mut Fights, start: Instant, lasting: Duration) -> Vec<Instant> {
    let (mut now, mut repairs) = (start, Vec::new());
    while now < start + lasting {
        match fights.paused(now, hash()) {
            Some(until) => {
                now = until;
                assert_eq!(fights.deadline(), Some(until));
                assert_eq!(fights.due(now), [hash()]);
            }
            None => {
                fights.repaired(now, hash());
                repairs.push(now);
                now += Duration::from_micros(50);
            }
        }
    }
    repairs
}

#[test]
fn the_fifth_repair_within_ten_minutes_is_a_fight() {
    let (mut fights, start) = (Fights::new(), Instant::now());
    for minute in 0..4 {
        assert_eq!(fights.repaired(start + minute * 60 * SECOND, hash()), None);
    }
    let last = start + 599 * SECOND;
    assert_eq!(fights.repaired(last, hash()), Some(Round { times: 5, pause: FIRST_PAUSE }));
    assert_eq!(fights.paused(last, hash()), Some(last + FIRST_PAUSE));
    assert_eq!(fights.paused(last, Path::new("b.hash")), None, "each entry for itself");
    assert_eq!(fights.paused(last + FIRST_PAUSE, hash()), None, "the pause ends");
}

#[test]
fn five_repairs_in_ten_minutes_exactly_are_none() {
    let (mut fights, start) = (Fights::new(), Instant::now());
    for _ in 0..4 {
        assert_eq!(fights.repaired(start, hash()), None);
    }
    assert_eq!(fights.repaired(start + FIGHT_WINDOW, hash()), None);
}

#[test]
fn an_opponent_who_never_tires_is_answered_ever_more_seldom_but_for_ever() {
    let (mut fights, start) = (Fights::new(), Instant::now());
    let repairs = fight(&mut fights, start, Duration::from_hours(24));
    let pauses: Vec<_> =
        repairs[4..].windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
    assert_eq!(pauses[..6], [10, 20, 40, 80, 160, 300]);
    assert!(pauses[5..].iter().all(|pause| *pause == LONGEST_PAUSE.as_secs()));
}

#[test]
fn who_is_left_in_peace_for_a_window_begins_anew() {
    let (mut fights, start) = (Fights::new(), Instant::now());
    let last = *fight(&mut fights, start, Duration::from_hours(1)).last().unwrap();
    let peace = last + FIGHT_WINDOW + LONGEST_PAUSE;
    // The opponent's last word waits to be looked at: the fight is not forgotten over it.
    fights.paused(last + SECOND, hash());
    fights.forget(peace);
    assert_eq!(fights.due(peace), [hash()]);
    fights.forget(peace);
    assert_eq!((fights.tracks.len(), fights.deadline()), (0, None));
    assert_eq!(fights.repaired(peace, hash()), None);
}

#[test]
fn while_all_that_are_kept_in_mind_were_repaired_again_no_other_entry_is() {
    let (mut fights, start) = (Fights::new(), Instant::now());
    for number in 0..MOST_TRACKED {
        for _ in 0..2 {
            assert_eq!(fights.repaired(start, Path::new(&number.to_string())), None);
        }
    }
    for second in 0..9 {
        for _ in 0..FIGHT_TIMES {
            assert_eq!(fights.repaired(start + second * SECOND, hash()), None);
        }
    }
    assert_eq!(fights.tracks.len(), MOST_TRACKED);
    let later = start + FIGHT_WINDOW;
    for _ in 1..FIGHT_TIMES {
        assert_eq!(fights.repaired(later, hash()), None);
    }
    assert!(fights.repaired(later, hash()).is_some(), "in the place of those left in peace");
    assert_eq!(fights.tracks.len(), 1);
}

#[test]
fn a_burst_over_many_entries_is_no_fight_and_has_a_bound() {
    let (mut fights, now) = (Fights::new(), Instant::now());
    for _ in 0..5 {
        fights.repaired(now, hash());
    }
    for number in 0..2 * MOST_TRACKED {
        assert_eq!(fights.repaired(now, Path::new(&number.to_string())), None);
        assert!(fights.tracks.len() <= MOST_TRACKED);
    }
    assert!(fights.paused(now, hash()).is_some(), "a fight is not lost in a burst");
}

proptest! {
    #[test]
    fn fewer_than_five_in_any_window_never_pause(gaps in proptest::collection::vec(150..10_000_u64, 1..40)) {
        // Five repairs span four gaps, which are ten minutes or more.
        let (mut fights, mut now) = (Fights::new(), Instant::now());
        for gap in gaps {
            prop_assert_eq!(fights.repaired(now, hash()), None);
            prop_assert_eq!(fights.paused(now, hash()), None);
            now += Duration::from_secs(gap);
        }
        prop_assert_eq!(fights.deadline(), None);
    }

    #[test]
    fn whatever_happens_repairs_are_bounded_and_pauses_end(
        steps in proptest::collection::vec((0..400_u64, any::<bool>()), 1..200),
    ) {
        let start = Instant::now();
        let (mut fights, mut now, mut repairs) = (Fights::new(), start, Vec::new());
        for (gap, tidy) in steps {
            now += Duration::from_secs(gap);
            if tidy {
                fights.forget(now);
            }
            fights.due(now);
            match fights.paused(now, hash()) {
                Some(until) => {
                    prop_assert!(now < until && until <= now + LONGEST_PAUSE);
                    prop_assert!(fights.is_known_to_wait(now, hash()));
                }
                None => {
                    if let Some(round) = fights.repaired(now, hash()) {
                        prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&round.pause));
                    }
                    repairs.push(now);
                }
            }
        }
        // Five lead to a fight; in it, pauses of 10, 20, 40, 80 and 160 s leave room for five more, and one is at the edge.
        for begun in &repairs {
            let window = repairs.iter().filter(|at| *at >= begun && **at < *begun + FIGHT_WINDOW);
            prop_assert!(window.count() <= 11);
        }
    }
}
