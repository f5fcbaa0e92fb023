//! What happens below a root.

use std::fs;
use std::process::Command;

use evenkeel_permissions::{Draft, News};

use crate::help::{Keeping, chmod, draft, file, folder, interfaces, scratch, until_mode};

#[test]
fn a_changed_file_and_a_changed_directory_are_put_right() {
    for watch in interfaces() {
        let scratch = scratch();
        let (hash, sub) = (scratch.path().join("a.hash"), scratch.path().join("sub"));
        file(&hash, 0o600);
        folder(&sub);
        let (mut kept, swept) = Keeping::start(draft(scratch.path()), watch);
        assert_eq!(swept.repaired.len(), 1, "{swept:?}");
        chmod(0o666, &[&hash]);
        kept.until_repaired(2);
        chmod(0o700, &[&sub]);
        kept.until_repaired(3);
        chmod(0o711, &[scratch.path()]);
        kept.until_repaired(4);
        let told: Vec<_> = kept.repaired[1..]
            .iter()
            .map(|repair| (repair.path.as_path(), &*repair.before, &*repair.after))
            .collect();
        let expected =
            [(&*hash, "0666", "0644"), (&*sub, "0700", "0755"), (scratch.path(), "0711", "0755")];
        assert_eq!(told, expected);
        assert!(kept.repaired[1..].iter().all(|repair| repair.wrong_for.is_some()));
    }
}

#[test]
fn what_is_in_a_new_directory_is_found_however_it_came() {
    for watch in interfaces() {
        let scratch = scratch();
        let (root, outside) = (scratch.path().join("root"), scratch.path().join("outside"));
        folder(&root);
        fs::create_dir_all(outside.join("b/c")).unwrap();
        file(&outside.join("b/c/deep.hash"), 0o600);
        let (mut kept, _) = Keeping::start(draft(&root), watch);

        // Made in place, by a process that is faster than any watch.
        let script = "umask 077; mkdir -p made/x/y && : > made/x/y/a.hash && : > made/b.hash";
        let made = Command::new("sh").args(["-c", script]).current_dir(&root).status();
        assert!(made.unwrap().success());
        until_mode(&root.join("made/x/y/a.hash"), 0o644);
        until_mode(&root.join("made/b.hash"), 0o644);
        until_mode(&root.join("made/x/y"), 0o755);

        // Moved in as a whole: nothing below it gives an event of its own.
        fs::rename(&outside, root.join("moved")).unwrap();
        until_mode(&root.join("moved/b/c/deep.hash"), 0o644);

        // And all of it is watched from now on, also where it was moved meanwhile.
        kept.until_repaired(5);
        chmod(0o600, &[&root.join("moved/b/c/deep.hash")]);
        until_mode(&root.join("moved/b/c/deep.hash"), 0o644);
        fs::rename(root.join("moved/b"), root.join("made/b")).unwrap();
        chmod(0o600, &[&root.join("made/b/c/deep.hash")]);
        until_mode(&root.join("made/b/c/deep.hash"), 0o644);
    }
}

#[test]
fn a_directory_that_left_the_tree_is_left_alone() {
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("root");
        folder(&root);
        folder(&root.join("sub"));
        file(&root.join("sub/a.hash"), 0o644);
        file(&root.join("b.hash"), 0o644);
        let (mut kept, _) = Keeping::start(draft(&root), watch);
        fs::rename(root.join("sub"), scratch.path().join("gone")).unwrap();
        // Another one in its place, which must not be taken for it.
        folder(&root.join("sub"));
        file(&root.join("sub/a.hash"), 0o644);
        chmod(0o600, &[&scratch.path().join("gone/a.hash"), &root.join("b.hash")]);
        kept.until_repaired(1);
        assert_eq!(kept.repaired[0].path, root.join("b.hash"));
        assert!(kept.end().is_empty());
    }
}

#[test]
fn a_directory_in_the_place_of_another_is_watched_with_all_that_is_in_it() {
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("root");
        folder(&root);
        folder(&root.join("sub"));
        let (mut kept, _) = Keeping::start(draft(&root), watch);
        for round in 0..10 {
            // The place of what is new is learnt beside the news that what was there has left.
            folder(&root.join("sub/old"));
            fs::rename(root.join("sub"), scratch.path().join(format!("{round}"))).unwrap();
            folder(&root.join("sub"));
            folder(&root.join("sub/new"));
            // Another name each time: the same one again and again would be a fight.
            let hash = root.join(format!("sub/new/{round}.hash"));
            file(&hash, 0o600);
            until_mode(&hash, 0o644);
            kept.until_repaired(2 * round + 1);
            chmod(0o600, &[&hash]);
            kept.until_repaired(2 * round + 2);
            assert_eq!(kept.repaired.last().unwrap().path, hash);
        }
    }
}

#[test]
fn a_tree_that_is_deleted_and_names_that_are_nobodys_business_bring_no_news() {
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("root");
        folder(&root);
        folder(&root.join("keep"));
        folder(&root.join("gone"));
        file(&root.join("gone/a.hash"), 0o644);
        file(&root.join("keep/a.hash"), 0o644);
        let draft = Draft { exclude: vec!["keep".to_owned()], ..draft(&root) };
        let (mut kept, _) = Keeping::start(draft, watch);
        chmod(0o600, &[&root.join("keep/a.hash"), &root.join("keep")]);
        file(&root.join("other"), 0o600);
        fs::remove_dir_all(root.join("gone")).unwrap();
        file(&root.join("a.hash"), 0o600);
        kept.until_repaired(1);
        assert_eq!(kept.repaired[0].path, root.join("a.hash"));
        assert!(kept.end().is_empty());
    }
}

#[test]
fn a_repair_is_no_reason_for_another_look() {
    for watch in interfaces() {
        let scratch = scratch();
        let hash = scratch.path().join("a.hash");
        file(&hash, 0o644);
        let (mut kept, _) = Keeping::start(draft(scratch.path()), watch);
        for round in 1..4 {
            chmod(0o600, &[&hash]);
            kept.until_repaired(round);
        }
        // Whatever our own changes bring has been seen to by the time that a second sweep is answered.
        kept.keeper.sweep();
        let swept = kept.swept().unwrap();
        assert!(swept.repaired.is_empty() && swept.left.is_empty());
        assert_eq!(kept.repaired.len(), 3);
        assert_eq!(kept.kept.len(), 3, "one for each change: {:?}", kept.kept);
    }
}

#[test]
fn a_keeper_that_may_not_write_tells_what_comes_and_goes() {
    for watch in interfaces() {
        let scratch = scratch();
        let hash = scratch.path().join("a.hash");
        file(&hash, 0o644);
        let mut kept =
            Keeping::unswept(Draft { directory_mode: None, ..draft(scratch.path()) }, watch, false);
        kept.keeper.sweep();
        assert!(kept.swept().unwrap().left.is_empty());
        chmod(0o600, &[&hash]);
        while kept.kept.is_empty() {
            kept.hear();
        }
        assert_eq!(kept.kept[0].left[0].reason.text(), "mode is 0600, should be 0644");
        chmod(0o644, &[&hash]);
        while kept.kept.len() < 2 {
            kept.hear();
        }
        assert_eq!(kept.kept[1].cleared, [hash]);
    }
}

#[test]
fn a_keeper_ends_when_it_is_told_to_or_dropped() {
    for watch in interfaces() {
        let scratch = scratch();
        let (kept, _) = Keeping::start(draft(scratch.path()), watch);
        assert!(kept.end().iter().all(|news| matches!(news, News::Watched(_))));
    }
}
