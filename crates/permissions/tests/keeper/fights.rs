//! Somebody who undoes every repair.

use std::time::Instant;

use evenkeel_permissions::{FIGHT_TIMES, FIRST_PAUSE};

use crate::help::{Keeping, chmod, draft, file, interfaces, mode, scratch, until_mode};

#[test]
fn who_undoes_every_repair_is_named_and_left_alone_for_a_while() {
    for watch in interfaces() {
        let scratch = scratch();
        let (hash, other) = (scratch.path().join("a.hash"), scratch.path().join("b.hash"));
        file(&hash, 0o644);
        file(&other, 0o644);
        let (mut kept, _) = Keeping::start(draft(scratch.path()), watch);
        for _ in 0..FIGHT_TIMES {
            until_mode(&hash, 0o644);
            chmod(0o600, &[&hash]);
            let told = kept.repaired.len();
            kept.until_repaired(told + 1);
        }
        let begun = Instant::now();
        let fight = kept.fights.pop().expect("the last of them was one too many");
        assert_eq!((&fight.path, fight.times, fight.pause), (&hash, FIGHT_TIMES, FIRST_PAUSE));
        assert_eq!((&*fight.ours, &*fight.theirs), ("0644", "0600"));
        assert_eq!(fight.by, kept.repaired.last().unwrap().by);

        chmod(0o600, &[&hash]);
        while kept.kept.last().is_none_or(|kept| kept.left.is_empty()) {
            kept.hear();
        }
        let reason = &kept.kept.last().unwrap().left[0].reason;
        assert!(reason.contains("left alone for"), "{reason}");
        // A sweep leaves it alone too, other entries are kept as ever, and nothing more is told of this one.
        kept.keeper.sweep();
        let swept = kept.swept().unwrap();
        assert_eq!((swept.left.len(), swept.repaired.len()), (1, 0), "{swept:?}");
        chmod(0o600, &[&hash, &other]);
        let told = kept.repaired.len();
        kept.until_repaired(told + 1);
        assert_eq!(kept.repaired.last().unwrap().path, other);
        assert_eq!(mode(&hash), 0o600);

        // The pause ends by itself, and there is another round.
        kept.until_repaired(told + 2);
        assert!(begun.elapsed() + std::time::Duration::from_secs(1) >= FIRST_PAUSE);
        assert_eq!(kept.repaired.last().unwrap().path, hash);
        let fight = kept.fights.pop().unwrap();
        assert_eq!((fight.times, fight.pause), (FIGHT_TIMES + 1, 2 * FIRST_PAUSE));
    }
}
