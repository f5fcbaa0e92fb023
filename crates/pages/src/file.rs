//! What a page has around what it is about when it is a file: to be kept or mailed, so it holds its own style and asks nobody.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::policy_hash;
use crate::text::clean;
use crate::view::View;

/// The style of the pages is that of the files too; a file has to hold it.
const STYLE: &str = include_str!("../assets/evenkeel.css");

/// What a file is, for its frame.
pub(crate) struct File<'a> {
    /// What the window is called.
    pub(crate) title: &'a str,
    /// Whom it is about, in the bar on top.
    pub(crate) about: &'a str,
    /// The version of evenkeel that wrote it.
    pub(crate) version: &'a str,
    /// What stands in `main`.
    pub(crate) main: Markup,
    /// What stands below it.
    pub(crate) footer: Markup,
}

/// A whole file, which loads nothing and runs nothing.
pub(crate) fn file(view: &View, file: &File<'_>) -> String {
    let policy = format!(
        "default-src 'none'; style-src {}; form-action 'none'; base-uri 'none'",
        policy_hash(STYLE)
    );
    let page = html! {
        (DOCTYPE)
        html lang=(view.lang.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (file.title) }
                style { (PreEscaped(STYLE)) }
            }
            body.report {
                header.bar { div.in {
                    strong.brand { "evenkeel" }
                    span { (clean(file.about)) }
                    span.soft { "v" (clean(file.version)) }
                } }
                main { (file.main) }
                footer { p.soft { (file.footer) } }
            }
        }
    };
    page.into_string()
}
