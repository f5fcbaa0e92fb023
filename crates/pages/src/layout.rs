//! What every page has around what it is about.

use evenkeel_shown::said::Code;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::assets::{CHART_SCRIPT, CHART_STYLE, ICON, SCRIPT, STYLE};
use crate::said::said;
use crate::text::clean;
use crate::view::{Theme, View, iso};
use crate::words::Lang;

/// What every page says of the agent behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The host, as it calls itself.
    pub host: String,
    /// The version of evenkeel.
    pub version: String,
    /// Why the agent only observes, if it does.
    pub observes: Option<String>,
    /// That reason as data, where evenkeel itself says it.
    pub observes_code: Option<Code>,
    /// When the agent started.
    pub started_at: Timestamp,
    /// The address of this page, with what it was asked for, without language and theme.
    pub address: String,
}

/// The policy that the pages need: everything from the agent itself, nothing within the markup.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What a page is, for its frame.
pub(crate) struct Content<'a> {
    /// What the window is called.
    pub(crate) title: &'a str,
    /// Whether there are charts that a reader may zoom.
    pub(crate) charts: bool,
    /// The way back, above the headline; `None` on the overview.
    pub(crate) back: bool,
    /// What stands in `main`.
    pub(crate) main: Markup,
}

/// A whole page.
pub(crate) fn page(view: &View, frame: &Frame, content: &Content<'_>) -> String {
    let lang = view.lang;
    let theme = (view.theme != Theme::Auto).then(|| view.theme.name());
    let scheme = match view.theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) data-theme=[theme] data-now=(iso(view.now)) data-zone=[view.zone.iana_name()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(scheme);
                meta name="referrer" content="no-referrer";
                title { (content.title) " · evenkeel" }
                link rel="icon" href=(ICON.address());
                link rel="stylesheet" href=(STYLE.address());
                @if content.charts {
                    link rel="stylesheet" href=(CHART_STYLE.address());
                    script defer src=(CHART_SCRIPT.address()) {}
                }
                script defer src=(SCRIPT.address()) {}
            }
            body {
                a.skip href="#main" { (lang.say("Skip to content", "本文へ移動")) }
                (bar(view, frame))
                main id="main" tabindex="-1" {
                    @if content.back {
                        p.crumb { a href="/" { "← " (lang.say("Overview", "概要")) } }
                    }
                    p.banner.bad id="stale" role="alert" hidden
                        data-text=(lang.say("The agent does not answer. What you see was true at the time shown above.", "エージェントが応答しません。表示は過去の時点の内容です。")) {}
                    @if let Some(reason) = &frame.observes {
                        p.banner.warn {
                            (lang.say("Observes only: nothing is repaired, removed or restarted", "監視のみ: 修復・削除・再起動は行いません"))
                            @if !reason.is_empty() { " (" (clean(&said(view, reason, frame.observes_code.as_ref()))) ")" }
                            (lang.say(".", "。"))
                        }
                    }
                    (content.main)
                }
                footer {
                    (lang.say("As of ", "時点: ")) (view.date_time(view.now)) " " (view.strftime(view.now, "%Z")) " · "
                    a href="/api/status" { "/api/status" } " · " a href="/api/events" { "/api/events" } " · "
                    a href="/metrics" { "/metrics" } " · " a href="/health" { "/health" }
                }
            }
        }
    };
    page.into_string()
}

fn bar(view: &View, frame: &Frame) -> Markup {
    let lang = view.lang;
    let (other, name, theme, themed) = (
        match lang {
            Lang::En => Lang::Ja,
            Lang::Ja => Lang::En,
        },
        match lang {
            Lang::En => "日本語",
            Lang::Ja => "English",
        },
        match view.theme {
            Theme::Auto => Theme::Dark,
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::Auto,
        },
        match view.theme {
            Theme::Auto => lang.say("Theme: system", "配色: システム"),
            Theme::Dark => lang.say("Theme: dark", "配色: ダーク"),
            Theme::Light => lang.say("Theme: light", "配色: ライト"),
        },
    );
    html! {
        header.bar { div.in {
            a.brand href="/" { "evenkeel" }
            span { (clean(&frame.host)) }
            span.soft { "v" (clean(&frame.version)) }
            span.soft { (lang.say("running for ", "稼働 ")) (view.since(frame.started_at)) }
            nav.right aria-label=(lang.say("Settings of this page", "このページの設定")) {
                span.live id="live" hidden data-on=(lang.say("live", "ライブ")) data-off=(lang.say("not connected", "未接続")) {}
                a id="theme" href=(with(&frame.address, "theme", theme.name())) rel="nofollow"
                    title=(lang.say("Change between system, dark and light", "システム・ダーク・ライトを切り替え")) { (themed) }
                a href=(with(&frame.address, "lang", other.tag())) hreflang=(other.tag()) lang=(other.tag()) rel="nofollow" { (name) }
            }
        } }
    }
}

/// An address with one more thing asked for.
pub(crate) fn with(address: &str, key: &str, value: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{key}={value}")
}

/// A page that only says something, such as that there is no such page.
pub fn message(view: &View, frame: &Frame, title: &str, text: &str) -> String {
    let main = html! {
        h1 { (clean(title)) }
        p.lede { (clean(text)) }
    };
    page(view, frame, &Content { title: &clean(title), charts: false, back: true, main })
}
