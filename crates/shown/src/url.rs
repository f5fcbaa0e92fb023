use std::ops::Range;

use crate::HIDDEN;
use crate::form::{is_secret_name, replaced};

/// Names of parameters whose values are secrets in a query, and need not be elsewhere.
const PARAMETERS: [&str; 13] = [
    "key",
    "sig",
    "signature",
    "auth",
    "code",
    "jwt",
    "sid",
    "session",
    "sessionid",
    "hmac",
    "pass",
    "credential",
    "hash",
];

/// `url` with the password, and the values of parameters that are named like secrets, hidden.
///
/// A user without a password is hidden too: many services take a token in its place.
pub fn redact_url(url: &str) -> String {
    replaced(url, &ranges(url))
}

/// The scheme, host and port of a URL, for those of which the path itself is a secret, such as that of a chat's webhook.
pub fn place_of_url(url: &str) -> String {
    let Some(start) = url.find("://").map(|at| at + 3) else { return HIDDEN.to_owned() };
    let end = url[start..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at);
    let authority = &url[start..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let rest = if end < url.len() { "/…" } else { "" };
    format!("{}{host}{rest}", &url[..start])
}

/// Where in a URL secrets stand.
pub(crate) fn ranges(url: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let start = match url.find("//") {
        Some(at) => at + 2,
        None => 0,
    };
    let end = url[start..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at);
    if start > 0
        && let Some(at) = url[start..end].rfind('@')
    {
        let password = url[start..start + at].find(':').map_or(start, |colon| start + colon + 1);
        ranges.push(password..start + at);
    }
    // A fragment may carry what a query does, as where a login comes back.
    let Some(query) = url[end..].find(['?', '#']).map(|at| end + at + 1) else { return ranges };
    let mut from = query;
    for part in url[query..].split_inclusive(['&', ';', '?', '#']) {
        let pair = part.trim_end_matches(['&', ';', '?', '#']);
        if let Some((name, value)) = pair.split_once('=')
            && is_secret_parameter(name)
            && !value.is_empty()
        {
            ranges.push(from + name.len() + 1..from + pair.len());
        }
        from += part.len();
    }
    ranges
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
    PARAMETERS.contains(&name.as_str()) || PARAMETERS.contains(&last) || is_secret_name(&name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_and_secret_parameters_of_a_url_are_hidden() {
        for (url, shown) in [
            ("https://me:hunter2@example.org/a?b=c@d", "https://me:***@example.org/a?b=c@d"),
            ("https://hunter2@example.org", "https://***@example.org"),
            ("http://me:hun@ter2@[::1]:80/", "http://me:***@[::1]:80/"),
            ("//me:hunter2@example.org", "//me:***@example.org"),
            (
                "http://h/x?token=a&y=1&API_KEY=b;sig=c#access_token=d",
                "http://h/x?token=***&y=1&API_KEY=***;sig=***#access_token=***",
            ),
            (
                "http://h/?X-Amz-Signature=aa&X-Amz-Date=1",
                "http://h/?X-Amz-Signature=***&X-Amz-Date=1",
            ),
            ("http://h/health?verbose=1", "http://h/health?verbose=1"),
            ("unix:///run/app.sock", "unix:///run/app.sock"),
            ("/health?key=a", "/health?key=***"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
    }

    #[test]
    fn of_a_webhook_only_the_host_shows() {
        assert_eq!(
            place_of_url("https://hooks.example.com/services/T0/B0/XX"),
            "https://hooks.example.com/…"
        );
        assert_eq!(place_of_url("https://u:p@h:8443"), "https://h:8443");
        assert_eq!(place_of_url("hunter2"), "***");
    }

    proptest! {
        #[test]
        fn any_text_can_be_asked_about(text in any::<String>()) {
            let _ = (redact_url(&text), place_of_url(&text));
        }

        #[test]
        fn a_password_never_shows(user in "[a-z]{0,5}", password in "[A-Z0-9:@]{4,12}", host in "[a-z.]{1,8}") {
            let url = format!("https://{user}:{password}@{host}/x?token={password}");
            prop_assert!(!redact_url(&url).contains(&password));
            prop_assert!(!place_of_url(&url).contains(&password));
        }
    }
}
