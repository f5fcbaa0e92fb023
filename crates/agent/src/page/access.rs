//! Who may read the page at its address: those who ask for this host, and send its token if there is one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;

/// What a request to an address must bring with it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// The names that it may ask for.
    names: Vec<String>,
    /// Whether any address, as opposed to a name, is one of ours: we listen on all of them.
    any_address: bool,
    /// The hash of the token, so that neither its length nor its text is in reach.
    token: Option<[u8; 32]>,
}

impl Gate {
    /// The gate of a page at `address` on a host that calls itself `host`.
    pub(crate) fn new(address: SocketAddr, host: &str, token: Option<&str>) -> Self {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
        let own = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        for name in [own, host.to_owned()] {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        let token = token.map(hash);
        Self { names, any_address: address.ip().is_unspecified(), token }
    }

    /// Whether a request for `host` is meant for this one. A page elsewhere can have its name point here (DNS rebinding), but
    /// cannot be asked for by an address of ours.
    fn knows(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let is_address = || {
            let inner =
                name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
            inner.parse::<IpAddr>().is_ok()
        };
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            || (self.any_address && is_address())
    }

    /// Whether a request brings the token: as a bearer, or as the password of anybody, which is what browsers can ask for.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, rest)) = given.and_then(|given| given.split_once(' ')) else {
            return false;
        };
        let given = if scheme.eq_ignore_ascii_case("bearer") {
            Some(rest.trim().to_owned())
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded =
                STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.and_then(|pair| pair.split_once(':').map(|(_, password)| password.to_owned()))
        } else {
            None
        };
        given.is_some_and(|given| bool::from(hash(&given).ct_eq(token)))
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// Lets nobody pass who asks for another host, or does not bring the token.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !gate.knows(host) {
        let text =
            format!("this is not `{}`; ask for {}\n", host.escape_debug(), gate.names.join(" or "));
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    if gate.admits(request.headers()) {
        return next.run(request).await;
    }
    let text = "the token of agent.token_file is needed: as `Authorization: Bearer TOKEN`, or as the password of any user\n";
    let mut response = (StatusCode::UNAUTHORIZED, text).into_response();
    for scheme in ["Bearer realm=\"evenkeel\"", "Basic realm=\"evenkeel\", charset=\"UTF-8\""] {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(address: &str, token: Option<&str>) -> Gate {
        Gate::new(address.parse().expect("an address"), "web-1", token)
    }

    fn admits(authorization: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).expect("a header"));
        }
        gate("127.0.0.1:9720", Some("correct-horse-battery")).admits(&headers)
    }

    #[test]
    fn only_the_names_of_this_host_are_answered() {
        let loopback = gate("127.0.0.1:9720", None);
        for host in ["localhost", "LOCALHOST:9720", "127.0.0.1:1", "[::1]:9720", "web-1"] {
            assert!(loopback.knows(host), "{host}");
        }
        for host in
            ["", "evil.example:9720", "127.0.0.1.evil.example", "192.0.2.7", "localhost.evil"]
        {
            assert!(!loopback.knows(host), "{host}");
        }
    }

    #[test]
    fn an_agent_on_all_addresses_is_asked_for_by_any_address_and_by_no_other_name() {
        let all = gate("0.0.0.0:9720", None);
        assert!(all.knows("192.0.2.7:9720") && all.knows("[2001:db8::1]:9720"));
        assert!(!all.knows("evil.example:9720"));
    }

    #[test]
    fn the_token_is_a_bearer_or_the_password_of_anybody() {
        assert!(admits(Some("Bearer correct-horse-battery")));
        let basic = format!("Basic {}", STANDARD.encode("me:correct-horse-battery"));
        assert!(admits(Some(&basic)));
    }

    #[test]
    fn anything_else_is_no_token() {
        for given in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer correct-horse-batter",
            "Basic !!!",
            "Basic bWU=",
            "Digest x",
        ] {
            assert!(!admits(Some(given)), "{given}");
        }
        assert!(!admits(None));
        let user = format!("Basic {}", STANDARD.encode("correct-horse-battery:x"));
        assert!(!admits(Some(&user)));
    }
}
