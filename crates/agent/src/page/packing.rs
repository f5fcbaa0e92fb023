//! How pages and assets go over the wire: compressed where the other side can unpack them, and kept where nothing changes.

use std::io::Write as _;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// What is smaller is not worth the work.
const WORTH_PACKING: usize = 1_024;

/// Whether the other side unpacks gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|coding| {
        let mut fields = coding.split(';').map(str::trim);
        let named = fields.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = fields.any(|field| {
            field
                .strip_prefix("q=")
                .is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
        });
        named && !refused
    })
}

/// A page, packed if the other side takes that.
pub(super) fn page(code: StatusCode, html: String, gzip: bool, cookies: &[String]) -> Response {
    let mut response = if gzip && html.len() >= WORTH_PACKING {
        // Quickest: a page is drawn for one reader, and most of it is markup that any level packs well.
        let mut encoder = GzEncoder::new(Vec::with_capacity(html.len() / 6), Compression::fast());
        let packed = encoder.write_all(html.as_bytes()).and_then(|()| encoder.finish());
        match packed {
            Ok(packed) => ([(CONTENT_ENCODING, "gzip")], Body::from(packed)).into_response(),
            // Writing to memory does not fail; if it did, the plain page says the same.
            Err(_) => Body::from(html).into_response(),
        }
    } else {
        Body::from(html).into_response()
    };
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// A line of text.
pub(super) fn text(code: StatusCode, text: &'static str) -> Response {
    (code, text).into_response()
}

/// An asset by its name, which holds its hash: what was loaded once is never asked for again.
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = evenkeel_pages::asset(&name) else {
        return (StatusCode::NOT_FOUND, "there is no such asset\n").into_response();
    };
    let tag = format!("\"{}\"", asset.name);
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else if takes_gzip(&headers) {
        ([(CONTENT_ENCODING, "gzip")], Body::from(asset.gzip)).into_response()
    } else {
        Body::from(asset.plain()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accepted: &'static str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        assert_eq!(takes_gzip(&headers), expected, "{accepted}");
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        check("gzip, deflate, br", true);
        check("br;q=1.0, GZIP;q=0.5", true);
        check("gzip;q=0", false);
        check("identity", false);
        check("", false);
    }
}
