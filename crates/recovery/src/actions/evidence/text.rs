//! Lines of strangers, made fit to be kept and shown.

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Ends of names whose values are secrets, in small letters.
const SECRETS: [&str; 12] = [
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
    "private_key",
    "credentials",
];
/// Words of HTTP's `Authorization` after which a secret follows.
const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];

/// One line: what is not UTF-8 replaced, what a terminal would obey escaped, secrets hidden, and cut to `limit` characters.
///
/// Secrets are recognised by how they are written: `password=…`, `"token": "…"`, `--api-key …`, `Bearer …`, and the
/// password in a URL. One that is written in no such way is not.
pub(super) fn shown(line: &[u8], limit: usize) -> String {
    // Enough for the limit also where most of it is escaped away; a line may be as long as a disk.
    let start = &line[..line.len().min(limit.saturating_mul(4))];
    let text = String::from_utf8_lossy(start);
    let mut shown = String::new();
    let mut length = 0;
    for char in redacted(&text).chars() {
        let escaped: String = if char == '\t' {
            " ".to_owned()
        } else if char.is_control() {
            char.escape_default().to_string()
        } else {
            char.to_string()
        };
        length += escaped.chars().count();
        if length > limit {
            shown.push('…');
            return shown;
        }
        shown.push_str(&escaped);
    }
    if start.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// Arguments as one would type them, with secrets hidden.
pub(super) fn shown_arguments(arguments: &[Vec<u8>], limit: usize) -> String {
    let line: Vec<_> = arguments
        .iter()
        .map(|word| word.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect())
        .collect::<Vec<Vec<u8>>>();
    shown(&line.join(&b' '), limit)
}

/// The last lines of what was read of a log, `count` at most; the first may be a part of one and is left out then.
pub(super) fn last_lines(text: &[u8], count: usize, limit: usize, whole: bool) -> Vec<String> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    if !whole && lines.len() > 1 {
        lines.remove(0);
    }
    let from = lines.len().saturating_sub(count);
    lines[from..].iter().map(|line| shown(line.trim_ascii_end(), limit)).collect()
}

fn redacted(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    // Whether the next word is a secret, as after `--password` or `Bearer`.
    let mut follows = false;
    let mut rest = text;
    while !rest.is_empty() {
        let blank = rest.find(|char: char| !is_break(char)).unwrap_or(rest.len());
        redacted.push_str(&rest[..blank]);
        rest = &rest[blank..];
        let end = rest.find(is_break).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if word.is_empty() {
            continue;
        }
        let is_scheme = is_scheme_of_http(word);
        if follows && !is_scheme && !matches!(word, "=" | ":") {
            redacted.push_str(HIDDEN);
            follows = false;
            continue;
        }
        follows = follows || is_scheme;
        match split_name(word) {
            Some((name, "")) if is_secret(name) => {
                redacted.push_str(word);
                follows = true;
            }
            Some((name, value)) if is_secret(name) => {
                redacted.push_str(&word[..=name.len()]);
                redacted.push_str(HIDDEN);
                follows = is_scheme_of_http(value);
            }
            _ => {
                // An option of its own, or a word before a sign of its own.
                let next = rest.trim_start_matches(['"', '\'', ' ']);
                follows = follows
                    || is_secret(word) && (word.starts_with("--") || next.starts_with([':', '=']));
                redacted.push_str(&without_password(word));
            }
        }
    }
    redacted
}

/// What separates words; also in JSON, in queries of URLs and in lists.
fn is_break(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '\'' | ',' | ';' | '&' | '{' | '}' | '(' | ')')
}

/// `name=value` and `name:value`, but not the scheme of a URL.
fn split_name(word: &str) -> Option<(&str, &str)> {
    let at = word.find(['=', ':'])?;
    let (name, value) = (&word[..at], &word[at + 1..]);
    (!value.starts_with("//")).then_some((name, value))
}

fn is_scheme_of_http(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

fn is_secret(name: &str) -> bool {
    let name = name.trim_end_matches([':', '=']).to_ascii_lowercase();
    name == "authorization" || SECRETS.iter().any(|secret| name.ends_with(secret))
}

/// `scheme://user:password@host` with the password hidden.
fn without_password(word: &str) -> String {
    let hidden = word.find("://").and_then(|scheme| {
        let authority = &word[scheme + 3..];
        let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
        let (login, _) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        let start = scheme + 3 + user.len() + 1;
        Some(format!("{}{HIDDEN}{}", &word[..start], &word[scheme + 3 + login.len()..]))
    });
    hidden.unwrap_or_else(|| word.to_owned())
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
            ("{\"token\": \"hunter2\", \"a\": 1}", "{\"token\": \"***\", \"a\": 1}"),
            ("{\"api_key\":\"hunter2\"}", "{\"api_key\":\"***\"}"),
            ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
            ("authorization=Basic hunter2", "authorization=*** ***"),
            ("connect postgres://app:hunter2@db/x?y", "connect postgres://app:***@db/x?y"),
            ("amqp://u:hun@ter2@h:5/", "amqp://u:***@h:5/"),
            ("client_secret : hunter2", "client_secret : ***"),
        ] {
            let shown = shown(line.as_bytes(), 500);
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn what_is_no_secret_is_left_as_it_is() {
        for line in [
            "see http://127.0.0.1:8080/health at 12:30:05",
            "token bucket is full; secret agents; the password was wrong",
            "key=value monkey=1 compass:north",
        ] {
            assert_eq!(shown(line.as_bytes(), 500), line);
        }
    }

    #[test]
    fn binary_and_colours_are_escaped_and_a_huge_line_is_cut() {
        assert_eq!(
            shown(b"\x1b[31mred\x1b[0m\xff\0\r", 99),
            "\\u{1b}[31mred\\u{1b}[0m\u{fffd}\\u{0}\\r"
        );
        let huge = vec![b'x'; 50 << 20];
        let text = shown(&huge, 100);
        assert_eq!(text.chars().count(), 101);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn the_last_lines_are_kept_and_the_broken_first_one_is_not() {
        let text = b"en one\ntwo\r\nthree\n";
        assert_eq!(last_lines(text, 9, 99, false), ["two", "three"]);
        assert_eq!(last_lines(text, 1, 99, true), ["three"]);
        assert_eq!(last_lines(b"only", 9, 99, false), ["only"]);
        assert_eq!(last_lines(b"", 9, 99, true), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn nothing_passes_that_a_terminal_would_obey(line: Vec<u8>, limit in 0usize..200) {
            let text = shown(&line, limit);
            prop_assert!(text.chars().all(|char| !char.is_control()));
            prop_assert!(text.chars().count() <= limit + 1);
        }

        #[test]
        fn a_value_of_a_secret_is_never_shown(
            name in "(--)?[a-z_]{0,5}(password|token|secret)",
            sign in "[=:]",
            value in "[A-Z0-9]{6,20}",
            around in "[ a-z]{0,10}",
        ) {
            let line = format!("{around} {name}{sign}{value} {around}");
            prop_assert!(!shown(line.as_bytes(), 500).contains(&value));
        }
    }
}
