//! For whom a page is drawn: what the request says of language and theme.

use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use evenkeel_pages::{Lang, Theme, View};

use crate::clock::HostClock;

/// What was asked for in the address is kept for so long.
const COOKIE_AGE_SECONDS: u32 = 365 * 86_400;

/// Who asks, and what is to be remembered of it.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// How it is drawn.
    pub(super) view: View,
    /// The address without what is remembered.
    pub(super) address: String,
    /// Cookies to set, as header values.
    pub(super) cookies: Vec<String>,
}

impl Viewer {
    /// What a request says: the address first, then what was chosen earlier, then the browser's settings.
    pub(super) fn of(parts: &Parts) -> Self {
        let clock = HostClock;
        let header = |name| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let (mut lang, mut theme) = (None, None);
        let mut rest = Vec::new();
        for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
        {
            match pair.split_once('=') {
                Some(("lang", tag)) => lang = Lang::of_tag(tag),
                Some(("theme", name)) => theme = Theme::of_name(name),
                _ => rest.push(pair),
            }
        }
        let cookies = [
            lang.map(|lang| cookie("lang", lang.tag())),
            theme.map(|theme| cookie("theme", theme.name())),
        ];
        let kept = |name: &str| {
            let pairs = header(COOKIE).split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let accepted = header(ACCEPT_LANGUAGE);
        let lang = lang
            .or_else(|| kept("lang").and_then(Lang::of_tag))
            .unwrap_or_else(|| Lang::negotiate(Some(accepted)));
        let theme = theme.or_else(|| kept("theme").and_then(Theme::of_name)).unwrap_or_default();
        let path = parts.uri.path();
        let address =
            if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        Self {
            view: View { lang, theme, zone: clock.zone(), now: clock.wall() },
            address,
            cookies: cookies.into_iter().flatten().collect(),
        }
    }

    /// What was asked for under `key`.
    pub(super) fn asked(&self, key: &str) -> Option<&str> {
        let (_, query) = self.address.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }
}

fn cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={COOKIE_AGE_SECONDS}; SameSite=Strict; HttpOnly")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn of(address: &str, headers: &[(&str, &str)]) -> Viewer {
        let mut request = Request::builder().uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Viewer::of(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_address_says_more_than_the_cookie_and_that_more_than_the_browser() {
        let browser = ("accept-language", "ja");
        let cookie = ("cookie", "other=1; lang=en; theme=dark");
        assert_eq!(of("/", &[browser]).view.lang, Lang::Ja);
        assert_eq!(of("/", &[browser, cookie]).view.lang, Lang::En);
        assert_eq!(of("/", &[browser, cookie]).view.theme, Theme::Dark);
        assert_eq!(of("/?lang=ja", &[cookie]).view.lang, Lang::Ja);
    }

    #[test]
    fn what_is_chosen_is_remembered_and_leaves_the_address() {
        let chosen = of("/target/web?window=7d&lang=ja&theme=light", &[]);
        assert_eq!(chosen.address, "/target/web?window=7d");
        assert_eq!(chosen.asked("window"), Some("7d"));
        assert_eq!(chosen.cookies.len(), 2);
        assert!(chosen.cookies[0].starts_with("lang=ja; "), "{:?}", chosen.cookies);
    }

    #[test]
    fn nonsense_is_not_remembered() {
        let chosen = of("/?lang=%0d%0aset-cookie&theme=%3Cb%3E&&=", &[("cookie", ";;=;lang")]);
        assert_eq!((chosen.view.lang, chosen.view.theme), (Lang::En, Theme::Auto));
        assert!(chosen.cookies.is_empty());
    }
}
