//! Whether everybody can read the pages: the contrast of each pair of colours in which text is shown.

use std::collections::BTreeMap;

/// The style that the pages have.
const STYLE: &str = include_str!("../assets/evenkeel.css");
/// For text of any size. Source: WCAG 2.2, 1.4.3.
const TEXT: f64 = 4.5;
/// For marks that tell something by themselves, such as a strip. Source: WCAG 2.2, 1.4.11.
const MARK: f64 = 3.0;

type Colours = BTreeMap<String, f64>;

/// The rules of the style: selector and declarations, those within `@media` too.
fn rules() -> Vec<(String, BTreeMap<String, String>)> {
    let mut rules = Vec::new();
    let style = without_comments(STYLE);
    for part in style.split('}') {
        let Some((head, body)) = part.rsplit_once('{') else { continue };
        let selector = head.rsplit(['{', '}']).next().unwrap_or_default().trim().to_owned();
        let declarations = body.split(';').filter_map(|one| one.split_once(':'));
        let declarations =
            declarations.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        rules.push((selector, declarations.collect()));
    }
    rules
}

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// The luminance of each named colour, for one way to choose the theme.
fn colours(selector: &str) -> Colours {
    let rules = rules();
    let (_, of_root) = rules.iter().find(|(one, _)| one == ":root").expect("the light colours");
    let (_, chosen) =
        rules.iter().find(|(one, _)| one == selector).expect("the colours of the theme");
    let all = of_root.iter().chain(chosen);
    all.filter_map(|(name, value)| Some((name.strip_prefix("--")?.to_owned(), luminance(value)?)))
        .collect()
}

/// The relative luminance of `#rrggbb`. Source: WCAG 2.2, relative luminance.
fn luminance(colour: &str) -> Option<f64> {
    let hex = colour.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    let channel = |at: usize| -> Option<f64> {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).ok()?) / 255.0;
        Some(if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.212_6 * channel(0)? + 0.715_2 * channel(2)? + 0.072_2 * channel(4)?)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The name in `var(--name)`.
fn named(value: Option<&String>) -> Option<String> {
    let (_, rest) = value?.split_once("var(--")?;
    rest.split_once(')').map(|(name, _)| name.to_owned())
}

/// Each colour of text with each ground on which it may stand: that of its own rule, else the page's and the cards'.
fn pairs() -> Vec<(String, String, String)> {
    let mut pairs = Vec::new();
    for (selector, declarations) in rules() {
        let colour = declarations.get("color");
        let fill = declarations.get("fill").filter(|_| selector.contains("text"));
        let Some(text) = named(colour.or(fill)) else { continue };
        match named(declarations.get("background")) {
            Some(ground) => pairs.push((selector, text, ground)),
            None => {
                for ground in ["page", "card"] {
                    pairs.push((selector.clone(), text.clone(), ground.to_owned()));
                }
            }
        }
    }
    // Links and soft words within what has a ground of its own.
    for ground in ["bad-back", "warn-back"] {
        pairs.push(("a banner".to_owned(), "text".to_owned(), ground.to_owned()));
    }
    pairs
}

const THEMES: [&str; 3] =
    [":root", ":root:not([data-theme=\"light\"])", ":root[data-theme=\"dark\"]"];

#[test]
fn all_text_can_be_read_in_every_theme() {
    let pairs = pairs();
    assert!(pairs.len() > 30, "the style was read: {pairs:?}");
    for theme in THEMES {
        let colours = colours(theme);
        for (selector, text, ground) in &pairs {
            let ratio = contrast(colours[text], colours[ground]);
            assert!(ratio >= TEXT, "{theme}: `{selector}`: {text} on {ground} is {ratio:.2}:1");
        }
    }
}

#[test]
fn marks_that_tell_something_can_be_seen_in_every_theme() {
    for theme in THEMES {
        let colours = colours(theme);
        // What is unknown is told by its height, and may be faint.
        for mark in ["mark-bad", "mark-calm", "curve", "focus", "mark-good", "mark-warn"] {
            let ratio = contrast(colours[mark], colours["card"]);
            let needed = if matches!(mark, "mark-bad" | "curve" | "focus") { MARK } else { 2.5 };
            assert!(ratio >= needed, "{theme}: {mark} is {ratio:.2}:1");
        }
    }
}

#[test]
fn dark_is_the_same_whether_the_system_or_the_reader_chose_it() {
    let rules = rules();
    let of = |selector: &str| &rules.iter().find(|(one, _)| one == selector).expect("it").1;
    assert_eq!(of(THEMES[1]), of(THEMES[2]));
}

#[test]
fn a_contrast_is_what_the_source_says() {
    let of = |one, other| {
        contrast(luminance(one).expect("a colour"), luminance(other).expect("a colour"))
    };
    assert!((of("#000000", "#ffffff") - 21.0).abs() < 1e-9);
    assert!((of("#777777", "#ffffff") - 4.48).abs() < 0.01);
}
