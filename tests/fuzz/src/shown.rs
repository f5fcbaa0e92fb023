use evenkeel_shown::{HIDDEN, Secrets, escaped, place_of_url, redact, redact_url, secret_ranges};

use crate::assert_harmless;

/// Text of anybody that is to be shown. The first line is a secret, and stands in the place of each `@@` of the text besides.
///
/// What is escaped is harmless and says the same when it is escaped again; a known secret is never shown; places are in order.
pub fn shown(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (secret, text) = text.split_once('\n').unwrap_or(("", &text));
    let text = text.replace("@@", secret);

    let safe = escaped(&text);
    assert_harmless(&safe);
    assert!(!safe.contains('\n'), "more than a line");
    assert_eq!(escaped(&safe), safe);

    let ranges = secret_ranges(&text);
    let mut from = 0;
    for range in &ranges {
        assert!(from <= range.start && range.start <= range.end, "{ranges:?} of {text:?}");
        from = range.end;
    }
    assert!(from <= text.len(), "{ranges:?} of {text:?}");
    assert!(redact(&text).matches(HIDDEN).count() >= ranges.len(), "{text:?}");
    let _ = (redact_url(&text), place_of_url(&text));

    let secret = secret.trim();
    let is_kept = secret.chars().count() >= 4
        && !secret.chars().any(char::is_control)
        // Stars of the place itself, or what is left of it, say nothing of it.
        && !secret.contains('*')
        && !secret.contains('…');
    if is_kept {
        let hidden = Secrets::new([secret.to_owned()]).hide(&text);
        assert!(!hidden.contains(secret), "{secret:?} in {hidden:?}");
    }
}
