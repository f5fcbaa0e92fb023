use evenkeel_safefs::Acl;
use evenkeel_safefs::fuzzing;

/// What fanotify hands over: records with handles and names in them.
///
/// Records are found from the front, and a name is one: it has no NUL.
pub fn kernel_events(data: &[u8]) {
    for record in fuzzing::kernel_records(data).unwrap_or_default() {
        assert!(!record.name.contains(&0), "a NUL in {:?}", record.name);
        let handle = record.handle.map_or(0, |handle| handle.len());
        assert!(handle + record.name.len() < data.len(), "more than there is");
    }
}

/// The extended attribute that keeps an access control list; a filesystem in a file, or on a stick, may have anything there.
///
/// A list that was read is written as one that reads the same.
pub fn acl(data: &[u8]) {
    let Some(acl) = Acl::from_bytes(data) else { return };
    assert_eq!(Acl::from_bytes(&acl.to_bytes()).as_ref(), Some(&acl));
    assert!(acl.mode() <= 0o777, "{:o}", acl.mode());
    crate::assert_harmless(&acl.to_string());
}
