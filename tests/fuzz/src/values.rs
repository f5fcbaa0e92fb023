use evenkeel_config::{
    format_duration, format_mode, format_size, parse_age, parse_duration, parse_mode, parse_size,
    parse_status,
};
use evenkeel_names::Glob;
use evenkeel_probe::{Endpoint, HttpUrl, Pattern, ProgramGlob};
use evenkeel_systemd::UnitName;

use crate::assert_harmless;

/// One value of the settings, of a flag or of a query: a duration, size, mode, status, glob, pattern, address or name.
///
/// What is accepted is shown as a text that is accepted as the same value; what is refused is refused in words.
pub fn values(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match parse_duration(text) {
        Ok(duration) => {
            assert_eq!(parse_duration(&format_duration(duration)).as_ref(), Ok(&duration));
        }
        Err(error) => assert!(!error.accepted.is_empty(), "nothing is accepted"),
    }
    match parse_size(text) {
        Ok(size) => assert_eq!(parse_size(&format_size(size)).as_ref(), Ok(&size)),
        Err(error) => assert!(!error.accepted.is_empty(), "nothing is accepted"),
    }
    if let Ok(mode) = parse_mode(text) {
        assert!(mode <= 0o7777, "{mode:o}");
        assert_eq!(parse_mode(&format_mode(mode)).as_ref(), Ok(&mode));
    }
    if let Ok(status) = parse_status(text) {
        assert!(100 <= *status.start() && *status.end() <= 599, "{status:?}");
    }
    let _ = parse_age(text);
    if let Ok(glob) = Glob::try_new(text) {
        // Of a long one that may be too much to find out, and then it says so.
        if text.len() <= 32 {
            assert!(glob.covers(&glob) && glob.overlaps(&glob), "{text:?} and itself");
            let any = Glob::try_new("*").expect("a glob");
            assert!(any.covers(&glob) && any.overlaps(&glob), "{text:?} and everything");
        }
        if !text.contains(['*', '?', '[', '{', '\\']) {
            assert!(glob.is_match(text), "{text:?} does not match itself");
        }
    }
    if let Ok(glob) = ProgramGlob::try_new(text) {
        assert_eq!(glob.as_str(), text);
    }
    if let Ok(pattern) = Pattern::try_new(text) {
        let _ =
            pattern.is_match("http://example.org/ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    }
    if let Ok(literal) = Pattern::literal(text) {
        assert!(literal.is_match(text), "{text:?} is not found in itself");
    }
    if let Ok(endpoint) = Endpoint::try_new(text) {
        assert_eq!(Endpoint::try_new(&endpoint.to_string()).as_ref(), Ok(&endpoint));
    }
    if let Ok(url) = HttpUrl::try_new(text) {
        assert_harmless(&url.to_string());
    }
    if let Ok(name) = UnitName::try_new(text) {
        assert_harmless(name.as_str());
        assert_eq!(UnitName::try_new(name.as_str()).as_ref(), Ok(&name));
    }
}
