use std::ops::Range;

use crate::{HIDDEN, url};

/// Ends of names whose values are secrets, in small letters.
const SECRETS: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "private_key",
    "private-key",
    "secret_key",
    "secret-key",
    "credentials",
    "signature",
    "authorization",
];
/// Names of headers whose whole rest of the line is a secret.
const LINES: [&str; 2] = ["authorization", "cookie"];
/// Words of HTTP's `Authorization` after which a secret follows, wherever they stand.
const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];

/// How far a secret goes that comes next.
#[derive(Clone, Copy, PartialEq)]
enum Follows {
    Nothing,
    Word,
    /// The rest of the line, or of the quotes that it is in.
    Line(Option<char>),
}

/// Whether a value of this name is a secret: `db-password`, `API_KEY`, `X-Auth-Token`, `Cookie`.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.trim_end_matches([':', '=']).to_ascii_lowercase();
    is_line(&name) || SECRETS.iter().any(|secret| name.ends_with(secret))
}

/// `text` with secrets hidden.
///
/// They are recognised by how they are written: `password=…`, `"token": "…"`, `--api-key …`, `Bearer …`, `Authorization: …`,
/// `Cookie: …`, and the password and secret parameters of a URL. One that is written in no such way is not.
pub fn redact(text: &str) -> String {
    replaced(text, &secret_ranges(text))
}

/// Where in `text` the secrets stand that [`redact`] hides, in their order.
pub fn secret_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut follows = Follows::Nothing;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blank = rest.find(|char| !is_break(char)).unwrap_or(rest.len());
        if matches!(follows, Follows::Line(_)) && rest[..blank].contains('\n') {
            follows = Follows::Nothing;
        }
        at += blank;
        let rest = &text[at..];
        if rest.is_empty() {
            break;
        }
        let mut word = &rest[..rest.find(is_break).unwrap_or(rest.len())];
        if follows != Follows::Nothing && !matches!(word, "=" | ":") && !is_scheme(word) {
            let length = match (quote_before(&text[..at]), follows) {
                (Some(quote), _) | (None, Follows::Line(Some(quote))) => rest.find([quote, '\n']),
                (None, Follows::Line(None)) => rest.find('\n'),
                (None, _) => Some(word.len()),
            };
            let end = at + length.unwrap_or(rest.len());
            ranges.push(at..end);
            follows = Follows::Nothing;
            at = end;
            continue;
        }
        if word.contains("://") {
            // `&` and the like are a part of it; `<` and `>`, which stand around many, are not.
            let piece = &rest[..rest.find(ends_url).unwrap_or(rest.len())];
            if piece.contains("://") {
                let url = piece.trim_end_matches([',', '.', ';', ':']);
                ranges.extend(
                    url::ranges(url).into_iter().map(|range| at + range.start..at + range.end),
                );
                follows = Follows::Nothing;
                at += piece.len();
                continue;
            }
            // It comes after the next `<` or `>`: up to there it is a word like any other.
            word = piece;
        }
        if word.is_empty() {
            // That sign itself; without a step here the same place would be looked at for ever.
            at += 1;
            continue;
        }
        follows = after(word, (text, at), follows, &mut ranges);
        at += word.len();
    }
    ranges
}

/// What a word, which stands in the text at a place, says of what comes after it; a secret that is in the word itself is noted.
fn after(
    word: &str,
    (text, at): (&str, usize),
    before: Follows,
    ranges: &mut Vec<Range<usize>>,
) -> Follows {
    if is_scheme(word) {
        let next = text[at + word.len()..].trim_start();
        let next = &next[..next.find(is_break).unwrap_or(next.len())];
        return match before {
            // A `basic string` and a `bearer of news` carry nothing.
            Follows::Nothing if looks_made_up(next) => Follows::Word,
            before => before,
        };
    }
    let line = Follows::Line(quote_before(&text[..at]));
    let kept = |name: &str| if is_line(name) { line } else { Follows::Word };
    match split_name(word) {
        Some((name, "")) if is_secret_name(name) => kept(name),
        Some((name, value)) if is_secret_name(name) && is_scheme(value) => kept(name),
        Some((name, value)) if is_secret_name(name) => {
            ranges.push(at + word.len() - value.len()..at + word.len());
            // The rest of a cookie, or of credentials of more than one word.
            if is_line(name) { line } else { Follows::Nothing }
        }
        // A path or request with a query and no host.
        Some((_, _)) if word.contains('?') => {
            ranges.extend(
                url::ranges(word).into_iter().map(|range| at + range.start..at + range.end),
            );
            Follows::Nothing
        }
        _ => {
            // An option of its own, or a word before a sign of its own.
            let next = text[at + word.len()..].trim_start_matches(['"', '\'', ' ']);
            if is_secret_name(word) && (word.starts_with("--") || next.starts_with([':', '='])) {
                kept(word)
            } else if matches!(word, "=" | ":") {
                before
            } else {
                Follows::Nothing
            }
        }
    }
}

/// `text` with [`HIDDEN`] in the place of each range.
pub(crate) fn replaced(text: &str, ranges: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        out.push_str(&text[from..range.start]);
        out.push_str(HIDDEN);
        from = range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// What separates words; also in JSON, in queries of URLs and in lists.
fn is_break(char: char) -> bool {
    char.is_whitespace()
        || matches!(char, '"' | '\'' | '`' | ',' | ';' | '&' | '{' | '}' | '(' | ')' | '[' | ']')
}

fn ends_url(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '\'' | '`' | '<' | '>' | '{' | '}' | ')')
}

fn quote_before(text: &str) -> Option<char> {
    text.chars().next_back().filter(|char| matches!(char, '"' | '\''))
}

/// `name=value` and `name:value`.
fn split_name(word: &str) -> Option<(&str, &str)> {
    let at = word.find(['=', ':'])?;
    Some((&word[..at], &word[at + 1..]))
}

fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Whether a word is none that people write: credentials have digits or capitals in them, or are long.
fn looks_made_up(word: &str) -> bool {
    let odd = |char: char| char.is_ascii_digit() || char.is_ascii_uppercase() || char == '=';
    word.len() > 20 || word.len() >= 6 && word.contains(odd)
}

fn is_line(name: &str) -> bool {
    let name = name.trim_end_matches([':', '=']).to_ascii_lowercase();
    LINES.iter().any(|line| name.ends_with(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        for (line, expected) in [
            ("app --db-password=hunter2 -v", "app --db-password=*** -v"),
            ("app --password hunter2 -v", "app --password *** -v"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
            ("GET /x?token=hunter2&y=1", "GET /x?token=***&y=1"),
            ("GET /x?y=1&token=hunter2", "GET /x?y=1&token=***"),
            ("{\"token\": \"hunter2 and more\", \"a\": 1}", "{\"token\": \"***\", \"a\": 1}"),
            ("{\"api_key\":\"hunter2\"}", "{\"api_key\":\"***\"}"),
            ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
            (
                "curl -H 'Authorization: Token a b' http://h/",
                "curl -H 'Authorization: ***' http://h/",
            ),
            ("authorization=Basic hunter2", "authorization=Basic ***"),
            ("got Bearer hunter2 from it", "got Bearer *** from it"),
            ("Cookie: sid=hunter2; theme=dark\nHost: x", "Cookie: ***\nHost: x"),
            ("Set-Cookie:sid=hunter2; Path=/", "Set-Cookie:***; ***"),
            ("X-Api-Key: hunter2", "X-Api-Key: ***"),
            ("connect postgres://app:hunter2@db/x?y", "connect postgres://app:***@db/x?y"),
            ("at http://h/?a=1&key=hunter2, gone", "at http://h/?a=1&key=***, gone"),
            ("amqp://u:hun@ter2@h:5/", "amqp://u:***@h:5/"),
            ("Link: <http://u:hunter2@h/>; rel=next", "Link: <http://u:***@h/>; rel=next"),
            ("<b>http://u:hunter2@h</b>", "<b>http://u:***@h</b>"),
            ("token=hunter2<http://u:hunter2@h>", "token=***<http://u:***@h>"),
            (":<://u:hunter2@h", ":<://u:***@h"),
            ("client_secret : hunter2", "client_secret : ***"),
            ("environment = [\"A_TOKEN=hunter2\"]", "environment = [\"A_TOKEN=***\"]"),
        ] {
            assert_eq!(redact(line), expected);
        }
    }

    #[test]
    fn what_is_no_secret_is_left_as_it_is() {
        for line in [
            "see http://127.0.0.1:8080/health at 12:30:05",
            "token bucket is full; secret agents; the password was wrong",
            "key=value monkey=1 compass:north",
            "invalid basic string, the digest differs, a bearer token is missing",
            "basically the cookie jar is bare, authorization is needed",
        ] {
            assert_eq!(redact(line), line);
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_asked_about(text in any::<String>()) {
            let ranges = secret_ranges(&text);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let _ = redact(&text);
        }

        #[test]
        fn any_text_of_urls_and_signs_can_be_asked_about(text in "(://|[<>:/?=@.,;&\"' a]){0,12}") {
            let _ = redact(&text);
        }

        #[test]
        fn a_value_of_a_secret_is_never_shown(
            name in "(--)?[a-z_]{0,5}(password|token|secret)",
            sign in "[=:]",
            value in "[A-Z0-9]{6,20}",
            around in "[ a-z]{0,10}",
        ) {
            let line = format!("{around} {name}{sign}{value} {around}");
            prop_assert!(!redact(&line).contains(&value));
        }
    }
}
