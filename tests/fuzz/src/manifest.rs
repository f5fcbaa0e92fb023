use evenkeel_safefs::fuzzing;

/// The manifest of a run that took files away, as `undo` reads it after a crash: torn, or written over.
///
/// What was read is written as the same again; a last line without its end is none.
pub fn manifest(data: &[u8]) {
    let Some(written) = fuzzing::manifest(data) else { return };
    crate::assert_harmless(&written);
    assert_eq!(fuzzing::manifest(written.as_bytes()).as_ref(), Some(&written));
    let torn = [written.as_bytes(), b"take 1 file"].concat();
    assert_eq!(fuzzing::manifest(&torn).as_ref(), Some(&written), "a torn line was taken for one");
}
