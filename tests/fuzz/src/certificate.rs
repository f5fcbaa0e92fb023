use evenkeel_probe::fuzzing;

/// The certificate that a server shows before anybody trusts it.
pub fn certificate(der: &[u8]) {
    let Some((not_after, subject)) = fuzzing::certificate(der) else { return };
    crate::assert_harmless(&subject);
    // From the year 0 to the year 9999.
    assert!((-62_200_000_000..=253_500_000_000).contains(&not_after), "until {not_after}");
}
