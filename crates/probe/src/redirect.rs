//! Which request follows a redirect, if one does: plain functions, so that what is sent where can be read in one place.

use evenkeel_shown::said::{NetworkCode, NotFollowed};
use evenkeel_shown::{excerpt, redact_url};
use hyper::{Method, StatusCode};

use crate::shown::without_user;
use crate::{AddressError, FailureClass, HttpTarget, HttpUrl, Outcome, Scope};

/// How much of a redirect's target is shown.
const SHOWN_CHARS: usize = 200;

/// One request of a chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hop {
    pub(crate) url: HttpUrl,
    pub(crate) method: Method,
    /// Whether the request's body is sent.
    pub(crate) with_body: bool,
    /// Whether this is still the origin that the settings name. Once left, it is not come back to: whoever redirected in between would
    /// have chosen what is asked there with the credentials.
    pub(crate) at_home: bool,
}

impl Hop {
    /// The request that the settings ask for.
    pub(crate) fn first(target: &HttpTarget) -> Self {
        Self {
            url: target.url.clone(),
            method: target.method.clone(),
            with_body: !target.body.0.is_empty(),
            at_home: true,
        }
    }

    /// The request that an answer of `status` with a `location` asks for.
    ///
    /// Fails where following would take secrets elsewhere, or the request off TLS or off its socket.
    pub(crate) fn follow(
        &self,
        target: &HttpTarget,
        status: StatusCode,
        location: &str,
    ) -> Result<Self, Outcome> {
        let refuse = |why: NotFollowed| {
            let to = excerpt(&redact_url(&without_user(location)), SHOWN_CHARS);
            Outcome::bad(FailureClass::Status, NetworkCode::NotFollowed { to, why })
        };
        let no_address = |error: &AddressError| NotFollowed::Address(error.reason().to_owned());
        let url = self.url.join(location).map_err(|error| refuse(no_address(&error)))?;
        if self.url.is_tls() && !url.is_tls() {
            return Err(refuse(NotFollowed::OffTls));
        }
        let at_home = self.at_home && url.has_same_origin(&target.url);
        if target.unix_socket.is_some() && !at_home {
            return Err(refuse(NotFollowed::OffSocket));
        }
        let admits = |scope: &Scope| scope.admits_host(url.endpoint().host());
        if !target.scope.as_ref().is_none_or(admits) {
            return Err(refuse(NotFollowed::NotAdmitted));
        }
        // As browsers and curl have it since before the standard allowed it.
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        let method = if becomes_get { Method::GET } else { self.method.clone() };
        let with_body = self.with_body && !becomes_get;
        if with_body && !at_home {
            return Err(refuse(NotFollowed::TakesBody));
        }
        Ok(Self { url, method, with_body, at_home })
    }
}

/// Whether a status asks for another request, given a `location`.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl HttpUrl {
    /// What `reference`, as a redirect gives it, means on the page of this URL. Source: RFC 3986, section 5.
    pub(crate) fn join(&self, reference: &str) -> Result<Self, AddressError> {
        let reference = reference.trim().split('#').next().unwrap_or_default();
        let scheme = if self.is_tls() { "https" } else { "http" };
        if has_scheme(reference) {
            return Self::try_new(reference);
        }
        if reference.starts_with("//") {
            return Self::try_new(&format!("{scheme}:{reference}"));
        }
        let here = self.request_target();
        let path = here.split('?').next().unwrap_or(here);
        let target = match reference.chars().next() {
            None => here.to_owned(),
            Some('/') => reference.to_owned(),
            Some('?') => format!("{path}{reference}"),
            Some(_) => {
                let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
                format!("{folder}{reference}")
            }
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target.as_str(), String::new()),
        };
        Self::try_new(&format!("{scheme}://{}{}{query}", self.authority(), without_dots(path)))
    }

    /// Whether scheme, host and port are the same.
    pub(crate) fn has_same_origin(&self, other: &Self) -> bool {
        self.is_tls() == other.is_tls() && self.endpoint() == other.endpoint()
    }
}

fn has_scheme(reference: &str) -> bool {
    let scheme = reference.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// A path without `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::RequestBody;

    #[track_caller]
    fn check_join(reference: &str, expected: &str) {
        let base = HttpUrl::try_new("http://a.example/b/c/d?q").unwrap();
        assert_eq!(base.join(reference).unwrap().to_string(), expected);
    }

    #[test]
    fn a_reference_is_read_as_the_standard_has_it() {
        // From the examples of RFC 3986, section 5.4.
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y", "/b/c/g?y"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
        ] {
            check_join(reference, &format!("http://a.example{expected}"));
        }
        check_join("//g.example", "http://g.example/");
        check_join("https://g.example:444/x", "https://g.example:444/x");
        let base = HttpUrl::try_new("http://a.example/").unwrap();
        for reference in ["file:///etc/passwd", "javascript:x", "//", "http://me:pw@x/", "http:g"] {
            assert!(base.join(reference).is_err(), "{reference}");
        }
    }

    fn post(url: &str) -> HttpTarget {
        let mut target = HttpTarget::try_new(url).unwrap();
        target.method = Method::POST;
        target.body = RequestBody(b"x".to_vec());
        target
    }

    fn refusal(target: &HttpTarget, status: u16, location: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let outcome = Hop::first(target).follow(target, status, location).unwrap_err();
        let failure = outcome.failure().unwrap();
        assert_eq!(failure.class, FailureClass::Status);
        failure.detail.to_string()
    }

    #[test]
    fn a_post_becomes_a_get_where_the_standard_says_so_and_stays_one_elsewhere() {
        let target = post("http://a.example/");
        for (status, method, with_body) in [
            (301, Method::GET, false),
            (302, Method::GET, false),
            (303, Method::GET, false),
            (307, Method::POST, true),
            (308, Method::POST, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let hop = Hop::first(&target).follow(&target, status, "/b").unwrap();
            assert_eq!((hop.method, hop.with_body, hop.at_home), (method, with_body, true));
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_not_home_and_home_is_not_come_back_to() {
        let target = HttpTarget::try_new("http://a.example:8080/").unwrap();
        let first = Hop::first(&target);
        for away in ["http://b.example:8080/", "http://a.example:8081/", "https://a.example:8080/"]
        {
            let hop = first.follow(&target, StatusCode::FOUND, away).unwrap();
            assert!(!hop.at_home, "{away}");
            if !hop.url.is_tls() {
                let back =
                    hop.follow(&target, StatusCode::FOUND, "http://a.example:8080/").unwrap();
                assert!(!back.at_home, "{away}");
            }
        }
        assert!(
            first.follow(&target, StatusCode::FOUND, "http://A.example:8080/x").unwrap().at_home
        );
    }

    #[test]
    fn what_would_take_secrets_away_is_refused_and_said_without_them() {
        let secure = HttpTarget::try_new("https://a.example/").unwrap();
        assert!(refusal(&secure, 302, "http://a.example/").contains("from https to http"));
        assert!(refusal(&post("http://a.example/"), 307, "http://b.example/").contains("body"));
        let mut local = HttpTarget::try_new("http://docker/").unwrap();
        local.unix_socket = Some("/run/x.sock".into());
        assert!(refusal(&local, 302, "http://b.example/").contains("Unix socket"));
        let mut narrow = HttpTarget::try_new("http://a.example/").unwrap();
        narrow.scope = Some(Scope::try_new(&["*.example"]).unwrap());
        assert!(refusal(&narrow, 302, "http://169.254.169.254/").contains("may not ask"));
        assert!(
            Hop::first(&narrow).follow(&narrow, StatusCode::FOUND, "http://b.example/").is_ok()
        );
        let said = refusal(&secure, 302, "https://me:hunter2@a.example/\u{1b}[2J");
        assert!(!said.contains("hunter2") && !said.contains('\u{1b}'), "{said}");
    }

    proptest! {
        #[test]
        fn a_joined_url_has_no_dots_left_and_a_known_scheme(reference in "\\PC{0,30}|[a./?#:]{0,12}") {
            let base = HttpUrl::try_new("https://a.example/b/c").unwrap();
            if let Ok(url) = base.join(&reference) {
                let path = url.request_target().split('?').next().unwrap().to_owned();
                prop_assert!(has_scheme(reference.trim()) || reference.trim().starts_with("//") || !path.split('/').any(|part| part == ".."));
                prop_assert!(HttpUrl::try_new(&url.to_string()).is_ok());
            }
        }
    }
}
