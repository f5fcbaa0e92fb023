#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// A process of another session than ours, started by a helper that has ended: nobody's child here, as a worker whose
/// supervisord was killed. Its script writes its number once it is ready, and its parent is not us.
struct Orphan {
    identity: Identity,
    _pipe: std::process::ChildStdout,
}

fn orphan(script: &str) -> Orphan {
    let helper = format!("setsid sh -c '{script}' & wait_for_nobody=1");
    let mut child: Child =
        Command::new("sh").args(["-c", &helper]).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    child.wait().unwrap();
    let mut digits = String::new();
    let mut byte = [0];
    while pipe.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        digits.push(char::from(byte[0]));
    }
    let pid = digits.trim().parse().unwrap();
    Orphan { identity: Process::open(pid).unwrap().identity(), _pipe: pipe }
}

fn lives(identity: Identity) -> bool {
    Process::open_exactly(identity)
        .and_then(|process| process.stat())
        .is_ok_and(|stat| !stat.is_dead())
}

#[tokio::test]
async fn workers_of_a_dead_supervisord_are_ended_the_stubborn_ones_too() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    // Bound once and gone: the file refuses.
    drop(UnixListener::bind(&socket).unwrap());
    let meek = orphan("echo $$; exec sleep 1000");
    let stubborn = orphan("trap \"\" TERM; echo $$; while :; do sleep 0.2; done");
    let workers = [meek.identity, stubborn.identity];
    let deadline = Instant::now() + Duration::from_secs(8);
    let ended = end_of_supervisord(&socket, &workers, deadline).await.unwrap().unwrap();
    assert!(!lives(meek.identity) && !lives(stubborn.identity));
    assert!(ended.killed >= 1, "{ended:?}");
    assert!(ended.to_string().starts_with("ended "), "{ended}");
    assert!(ended.to_string().contains("had to be killed"), "{ended}");
    let again = end_of_supervisord(&socket, &workers, soon()).await;
    assert_eq!(again, Ok(None), "nothing is left over twice");
}

#[tokio::test]
async fn nothing_is_ended_while_somebody_listens() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    // Accepts and never answers, as one that is frozen.
    let listener = UnixListener::bind(&socket).unwrap();
    let worker = orphan("echo $$; exec sleep 1000");
    let deadline = Instant::now() + Duration::from_millis(500);
    let error = end_of_supervisord(&socket, &[worker.identity], deadline).await.unwrap_err();
    assert!(matches!(error, ActionError::Permanent { .. }), "{error}");
    assert!(error.reason().contains("not left over"), "{error}");
    std::fs::remove_file(&socket).unwrap();
    let error = end_of_supervisord(&socket, &[worker.identity], soon()).await.unwrap_err();
    assert!(error.reason().contains("was deleted while its daemon lives"), "{error}");
    assert!(lives(worker.identity), "it was left alone");
    drop(listener);
    let ended = end_of_supervisord(&socket, &[worker.identity], soon()).await.unwrap();
    assert_eq!(ended.unwrap().processes.len(), 1);
    assert!(!lives(worker.identity));
}

#[tokio::test]
async fn a_worker_whose_number_is_anothers_now_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let stranger = orphan("echo $$; exec sleep 1000");
    let before = Identity { start_ticks: stranger.identity.start_ticks - 1, ..stranger.identity };
    let socket = scratch.path().join("never.sock");
    assert_eq!(end_of_supervisord(&socket, &[before], soon()).await, Ok(None));
    assert!(lives(stranger.identity));
    end(&[stranger.identity], soon(), None).await.unwrap();
}

#[tokio::test]
async fn children_of_a_worker_go_with_it_and_a_stopped_one_too() {
    let scratch = tempfile::tempdir().unwrap();
    let note = scratch.path().join("child");
    let script = format!("sleep 1000 & echo $! > {}; echo $$; kill -STOP $$; wait", note.display());
    let worker = orphan(&script);
    let child = loop {
        let text = std::fs::read_to_string(&note).unwrap_or_default();
        if let Ok(pid) = text.trim().parse() {
            break Process::open(pid).unwrap().identity();
        }
        tokio::time::sleep(POLL).await;
    };
    let socket = scratch.path().join("never.sock");
    end_of_supervisord(&socket, &[worker.identity], soon()).await.unwrap();
    assert!(!lives(worker.identity) && !lives(child));
}

#[tokio::test]
async fn neither_we_nor_who_runs_us_nor_what_we_run_is_left_over() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let of = |pid| Process::open(pid).unwrap().identity();
    let parent = std::os::unix::process::parent_id();
    let ours = vec![of(std::process::id()), of(parent), of(child.id())];
    assert_eq!(without_ours(ours).unwrap(), []);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_table_that_bites_its_own_tail_ends() {
    let parents = BTreeMap::from([(5, 6), (6, 5), (7, 1), (1, 0), (9, 7)]);
    assert_eq!(kin(&parents, 7), BTreeSet::from([1, 7, 9]));
    assert_eq!(kin(&parents, 5), BTreeSet::from([5, 6]));
}

#[tokio::test]
async fn a_unit_that_left_nothing_is_told_so() {
    assert_eq!(end_of_unit("evenkeel-no-such.service", soon()).await, Ok(None));
}

#[tokio::test]
async fn a_child_that_a_worker_starts_while_it_is_asked_to_end_is_ended_too() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let script = scratch.path().join("worker.sh");
    // Once it is asked to end, it starts a child that ignores that too, and another one again and again.
    let lines = "trap 'late=1' TERM\necho $$\nwhile :; do\n\
                 if [ \"$late\" ]; then sh -c 'trap \"\" TERM; echo $$ >> children; exec sleep 1000' & fi\n\
                 sleep 0.1\ndone\n";
    std::fs::write(&script, format!("cd '{}'\n{lines}", scratch.path().display())).unwrap();
    let worker = orphan(&format!("exec sh {}", script.display()));
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = end_of_supervisord(&socket, &[worker.identity], deadline).await.unwrap().unwrap();
    let children = std::fs::read_to_string(scratch.path().join("children")).unwrap();
    let children: Vec<u32> = children.lines().map(|line| line.parse().unwrap()).collect();
    assert!(children.len() > 3, "{children:?}");
    for child in children {
        let seen = Process::open(child).and_then(|child| child.stat());
        assert!(seen.is_err() || seen.is_ok_and(|stat| stat.is_dead()), "{child} of {ended}");
    }
    assert!(!lives(worker.identity));
}
