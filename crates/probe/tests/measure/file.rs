use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_probe::{FailureClass, FileTarget, Target};

use crate::{assert_bad, assert_good, measure};

fn target(path: &Path) -> Target {
    Target::File(FileTarget { path: path.to_owned() })
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
    crate::assert_unknown(&measure(target(&around.join("x"))).await, FailureClass::Limit);
}
