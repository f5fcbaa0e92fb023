//! Texts of others, made fit to be shown: a target may answer with anything, also with what drives a terminal.

use evenkeel_shown::excerpt;

/// [`excerpt`] of bytes, of which those that are no UTF-8 show as `�`.
pub(crate) fn excerpt_of_bytes(bytes: &[u8], chars: usize) -> String {
    // Four bytes for each character at most, and one character more, so that a cut shows.
    let enough = &bytes[..bytes.len().min(chars.saturating_add(1).saturating_mul(4))];
    excerpt(&String::from_utf8_lossy(enough), chars)
}

/// A redirect's target without a user name and password, which would show wherever it is shown.
pub(crate) fn without_user(location: &str) -> String {
    let Some(start) = location.find("//").map(|slashes| slashes + 2) else {
        return location.to_owned();
    };
    let end = location[start..].find(['/', '?', '#', '\\']).map_or(location.len(), |at| start + at);
    match location[start..end].rfind('@') {
        Some(at) => format!("{}…{}", &location[..start], &location[start + at..]),
        None => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(excerpt_of_bytes(b"a\x1b[31m\r\nb", 20), "a\\u{1b}[31m\\r\\nb");
        assert_eq!(excerpt_of_bytes(b"\xff\xfeok", 20), "��ok");
    }

    #[test]
    fn a_password_in_a_redirect_does_not_show() {
        for (location, shown) in [
            ("https://me:hunter2@example.org/a?b=c@d", "https://…@example.org/a?b=c@d"),
            ("//me:hunter2@example.org", "//…@example.org"),
            ("http://me:hun@ter2@example.org\\x", "http://…@example.org\\x"),
            ("/a//b@c/d", "/a//…@c/d"),
            ("/login", "/login"),
            ("https://example.org/", "https://example.org/"),
        ] {
            assert_eq!(without_user(location), shown);
        }
    }

    proptest! {
        #[test]
        fn bytes_that_are_text_show_as_that_text_does(text in any::<String>(), chars in 0..50usize) {
            prop_assert_eq!(excerpt_of_bytes(text.as_bytes(), chars), excerpt(&text, chars));
        }

        #[test]
        fn the_authority_never_keeps_what_is_before_an_at(user in "[a-z:@]{1,8}", host in "[a-z.]{1,8}") {
            prop_assert_eq!(without_user(&format!("https://{user}@{host}/x")), format!("https://…@{host}/x"));
        }
    }
}
