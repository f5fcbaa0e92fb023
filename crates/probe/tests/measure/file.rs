use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_probe::{
    Condition, DiskTarget, FailureClass, FileTarget, Outcome, Target, Test, breaches,
};

use crate::{assert_bad, assert_good, assert_unknown, measure};

fn target(path: &Path) -> Target {
    Target::File(FileTarget::new(path))
}

#[tokio::test]
async fn a_file_has_size_mode_owner_and_age() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("state");
    fs::write(&path, "12345").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(1)).unwrap();
    let target = target(&path);
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    let facts = &measurement.facts;
    assert_eq!((facts.text("type"), facts.text("mode")), (Some("file"), Some("0640")));
    assert_eq!(facts.number("size_bytes"), Some(5.0));
    assert!((3_600.0..3_660.0).contains(&facts.number("age_seconds").unwrap()));
    let own = fs::metadata(&path).unwrap();
    assert_eq!(facts.number("uid"), Some(f64::from(std::os::unix::fs::MetadataExt::uid(&own))));
}

#[tokio::test]
async fn a_time_that_lies_ahead_is_no_age() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("state");
    let file = fs::File::create(&path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_hours(1)).unwrap();
    assert_eq!(measure(target(&path)).await.facts.number("age_seconds"), Some(0.0));
}

#[tokio::test]
async fn a_link_is_looked_at_itself() {
    let scratch = tempfile::tempdir().unwrap();
    let link = scratch.path().join("link");
    symlink("/nowhere/at/all", &link).unwrap();
    assert_eq!(measure(target(&link)).await.facts.text("type"), Some("symlink"));
}

#[tokio::test]
async fn each_type_of_entry_is_told() {
    for (path, expected) in
        [("/proc", "directory"), ("/dev/null", "device"), ("/proc/self/stat", "file")]
    {
        assert_eq!(
            measure(target(Path::new(path))).await.facts.text("type"),
            Some(expected),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let scratch = tempfile::tempdir().unwrap();
    assert_bad(&measure(target(&scratch.path().join("nothing"))).await, FailureClass::Missing);
    fs::write(scratch.path().join("file"), "").unwrap();
    assert_bad(&measure(target(&scratch.path().join("file/below"))).await, FailureClass::Missing);
}

#[tokio::test]
async fn a_path_that_cannot_be_looked_up_is_unknown() {
    let scratch = tempfile::tempdir().unwrap();
    let around = scratch.path().join("around");
    symlink(&around, &around).unwrap();
    assert_unknown(&measure(target(&around.join("x"))).await, FailureClass::Limit);
}

const OF_12345: &str = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";

fn hashed(path: &Path) -> (Target, [Condition; 1]) {
    let test = Test::Differs(OF_12345.into());
    let conditions = [Condition { field: "sha256".to_owned(), test, sustained_for: None }];
    (target(path).judged_by(&conditions), conditions)
}

#[tokio::test]
async fn content_is_hashed_where_a_condition_judges_it() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("state");
    fs::write(&path, "12345").unwrap();
    assert_eq!(measure(target(&path)).await.facts.get("sha256"), None);
    let (target, conditions) = hashed(&path);
    let measurement = measure(target.clone()).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(breaches(&conditions, &measurement.facts), []);
    fs::write(&path, "12346").unwrap();
    assert_eq!(breaches(&conditions, &measure(target).await.facts).len(), 1);
}

#[tokio::test]
async fn what_is_no_file_of_a_fair_size_is_not_read() {
    let scratch = tempfile::tempdir().unwrap();
    let (fifo, link) = (scratch.path().join("fifo"), scratch.path().join("link"));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    symlink("/etc/hostname", &link).unwrap();
    let large = scratch.path().join("large");
    fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    for (path, class) in [
        (fifo.as_path(), FailureClass::Missing),
        (Path::new("/dev/zero"), FailureClass::Missing),
        (scratch.path(), FailureClass::Missing),
        (&link, FailureClass::Limit),
        (&large, FailureClass::Limit),
    ] {
        assert_unknown(&measure(hashed(path).0).await, class);
    }
}

#[tokio::test]
async fn a_file_system_says_how_full_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let target = Target::Disk(DiskTarget::new(scratch.path()));
    let facts = measure(target).await.facts;
    assert!((0.0..=100.0).contains(&facts.number("used_percent").unwrap()));
    assert!(facts.number("available_bytes").unwrap() > 0.0);
    assert_eq!(facts.text("read_only"), Some("false"));
    let nowhere = Target::Disk(DiskTarget::new(scratch.path().join("nowhere")));
    assert_bad(&measure(nowhere).await, FailureClass::Missing);
}
