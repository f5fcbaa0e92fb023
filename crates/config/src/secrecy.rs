//! Which settings are secrets, and how they are kept out of whatever is shown of settings.
//!
//! A file that is no TOML is shown too, with its mistake underlined: there, secrets are told by their lines alone.

use std::ops::Range;

use evenkeel_shown::{is_secret_name, secret_ranges};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::key::{Key, nearest};

/// Keys whose whole value, with everything in it, is what only the other end should know.
const SECRET_KEYS: [&str; 4] = ["headers", "environment", "body", "send"];
/// Headers that say nothing that must be kept.
const OPEN_HEADERS: [&str; 11] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "host",
    "origin",
    "referer",
    "user-agent",
    "connection",
    "x-forwarded-proto",
];
/// What stands before secrets, in small letters.
const HINTS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "private_key",
    "authorization",
    "bearer",
    "cookie",
    "signature",
];
/// Shorter values of variables are words such as `on`, or numbers.
const SHORTEST_VARIABLE: usize = 6;

/// What of a value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// All of it.
    Whole,
    /// Of a URL everything behind the host: whoever knows it may use it.
    Path,
    /// What is written like one, such as a password in a URL.
    Form,
}

/// What of the value of `key` is a secret. A key that looks like one with a slip in it counts as that one.
pub(crate) fn of(key: &Key) -> Secrecy {
    let segments = key.segments();
    let is_receiver = segments.len() > 3 && segments[0] == "alerts" && segments[1] == "receiver";
    // The names of rules say nothing.
    let depth = match segments.first().map(String::as_str) {
        Some("alerts") if is_receiver => 3,
        Some("agent" | "alerts") => 1,
        _ => 2,
    };
    let inner = segments.get(depth..).unwrap_or_default();
    if inner.iter().any(|segment| is_secret_key(segment)) {
        return Secrecy::Whole;
    }
    let is_told_from_afar = inner.iter().any(|segment| tells_from_afar(segment));
    match inner.last() {
        Some(last) if last == "url" && is_told_from_afar => Secrecy::Path,
        _ => Secrecy::Form,
    }
}

fn is_secret_key(name: &str) -> bool {
    let names_a_file = name.ends_with("_file") || name.ends_with("_path");
    !names_a_file && (is_secret_name(name) || nearest(name, SECRET_KEYS).is_some())
}

/// The text of a layer with stars in the place of its secrets, byte by byte, so that places in it stay what they are; and
/// the secrets themselves.
pub(crate) fn masked(
    text: &str,
    prefix: &Key,
    value: Range<usize>,
    is_bare: bool,
) -> (String, Vec<String>) {
    let mut found = Found { text, ranges: Vec::new(), secrets: Vec::new() };
    if prefix.segments().is_empty() {
        let (table, errors) = DeTable::parse_recoverable(text);
        found.table(prefix, table.get_ref(), 0);
        if !errors.is_empty() {
            found.ranges.extend(by_lines(text));
            found.ranges.extend(secret_ranges(text));
        }
    } else {
        let written = &text[value.clone()];
        match DeValue::parse(written) {
            Ok(parsed) if !is_bare => found.value(prefix, &parsed, value.start),
            _ => found.text(prefix, value, written),
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in found.ranges {
        bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
    }
    let masked = String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()));
    (masked, found.secrets)
}

struct Found<'a> {
    text: &'a str,
    ranges: Vec<Range<usize>>,
    secrets: Vec<String>,
}

impl Found<'_> {
    fn table(&mut self, above: &Key, table: &DeTable<'_>, shift: usize) {
        for (name, value) in table {
            self.value(&above.named(name.get_ref()), value, shift);
        }
    }

    /// What stands in a value, whose places are counted from `shift`.
    fn value(&mut self, key: &Key, value: &Spanned<DeValue<'_>>, shift: usize) {
        let span = value.span().start + shift..value.span().end + shift;
        match value.get_ref() {
            DeValue::Table(table) => self.table(key, table, shift),
            DeValue::Array(items) if of(key) == Secrecy::Form => {
                // An option and its value are two items.
                let words: Vec<_> =
                    items.iter().filter_map(|item| item.get_ref().as_str()).collect();
                let line =
                    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
                self.secrets
                    .extend(secret_ranges(&line).into_iter().map(|range| line[range].to_owned()));
                self.mask_forms(span);
                for item in items.iter().filter(|item| item.get_ref().as_str().is_none()) {
                    self.value(key, item, shift);
                }
            }
            DeValue::Array(items) => {
                items.iter().for_each(|item| self.value(key, item, shift));
            }
            DeValue::String(text) => self.text(key, span, text),
            _ if of(key) == Secrecy::Whole => self.ranges.push(span),
            _ => {}
        }
    }

    /// A text that means `meant` and stands, perhaps in quotes, at `span`.
    fn text(&mut self, key: &Key, span: Range<usize>, meant: &str) {
        match of(key) {
            Secrecy::Whole => {
                self.ranges.push(self.within_quotes(span));
                self.secrets.extend(secrets_in(key, meant));
            }
            Secrecy::Path => {
                let host = meant.find("://").map_or(0, |at| at + 3);
                if let Some(path) = meant[host..].find('/').map(|at| &meant[host + at + 1..]) {
                    self.secrets.push(path.to_owned());
                    // Words of the service and not of the secret are in small letters.
                    let is_word = |part: &&str| part.chars().all(|char| char.is_ascii_lowercase());
                    let parts = path.split(['/', '?', '&', '=']).filter(|part| !is_word(part));
                    self.secrets.extend(parts.map(str::to_owned));
                    let start = self.text[span.clone()].find(path).map(|at| span.start + at);
                    self.ranges.extend(start.map(|start| start..start + path.len()));
                }
                self.mask_forms(span);
            }
            Secrecy::Form => {
                let ranges = secret_ranges(meant);
                self.secrets.extend(ranges.into_iter().map(|range| meant[range].to_owned()));
                self.mask_forms(span);
            }
        }
    }

    fn mask_forms(&mut self, span: Range<usize>) {
        let ranges = secret_ranges(&self.text[span.clone()]);
        self.ranges.extend(
            ranges.into_iter().map(|range| span.start + range.start..span.start + range.end),
        );
    }

    fn within_quotes(&self, span: Range<usize>) -> Range<usize> {
        let written = &self.text[span.clone()];
        let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter();
        let quote = quotes
            .filter(|quote| written.len() >= 2 * quote.len())
            .find(|quote| written.starts_with(*quote) && written.ends_with(*quote));
        let quote = quote.map_or(0, str::len);
        span.start + quote..span.end - quote
    }
}

/// What of a secret value others may repeat.
fn secrets_in(key: &Key, value: &str) -> Vec<String> {
    let segments = key.segments();
    let within = |table: &str| {
        segments.iter().any(|segment| nearest(segment, [table]).is_some()) && segments.len() > 2
    };
    let name = key.last().to_ascii_lowercase();
    let forms = secret_ranges(value).into_iter().map(|range| value[range].to_owned());
    let mut secrets: Vec<String> = forms.collect();
    if within("headers") {
        if OPEN_HEADERS.contains(&name.as_str()) {
            return secrets;
        }
        // Also without its scheme, and each cookie by itself.
        secrets.extend(value.split_once(' ').map(|(_, rest)| rest.to_owned()));
        secrets.extend(
            value.split(';').filter_map(|pair| Some(pair.split_once('=')?.1.trim().to_owned())),
        );
    } else if within("environment") {
        let is_plain = value.len() < SHORTEST_VARIABLE
            || value.starts_with('/')
            || value.parse::<f64>().is_ok();
        if is_plain && !is_secret_name(&name) {
            return secrets;
        }
    } else if within("send") {
        // `AUTH secret`: a server's refusal may repeat the word and not the line.
        let logins = value.lines().filter_map(|line| line.split_once(' ')).filter(|(order, _)| {
            ["auth", "pass", "login", "user"].contains(&order.to_ascii_lowercase().as_str())
        });
        secrets.extend(logins.flat_map(|(_, rest)| rest.split_whitespace()).map(str::to_owned));
    }
    secrets.push(value.to_owned());
    secrets
}

/// Where secrets stand in what is no TOML: behind the sign of a secret key, to the end of its line or of what is open there.
fn by_lines(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut in_secret_table = false;
    // How many ranges there were before the line above: more now mean that it hides something.
    let mut hides = 0;
    let mut odd = false;
    let mut open: Option<&str> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let whole = start..start + line.trim_end().len();
        start += line.len();
        let trimmed = line.trim();
        if let Some(end) = open {
            ranges.push(whole);
            open = open.filter(|_| !line.contains(end));
            continue;
        }
        if trimmed.starts_with('[') && !trimmed.contains('=') {
            let name = trimmed.trim_matches(['[', ']', ' ']);
            let mut parts = name.split('.').map(bare).skip(1);
            in_secret_table = parts.any(|part| tells_from_afar(part) || is_secret_key(part));
            continue;
        }
        // The rest of a line that somebody broke in two.
        let follows = std::mem::replace(&mut hides, ranges.len()) < ranges.len();
        let is_open = std::mem::replace(&mut odd, is_odd(line));
        if follows && (is_open || !begins(trimmed)) {
            ranges.push(whole);
            continue;
        }
        if let Some(at) = first_hint(line) {
            ranges.push(whole.start + at..whole.end.max(whole.start + at));
        }
        let signs = line.match_indices('=').map(|(at, _)| at);
        let sign = signs.into_iter().find(|at| in_secret_table || is_secret_word(&line[..*at]));
        let Some(sign) = sign else { continue };
        let value = &line[sign + 1..];
        ranges.push(whole.start + sign + 1..whole.end.max(whole.start + sign + 1));
        open = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("{", "}"), ("[", "]")]
            .into_iter()
            .find(|(begin, end)| {
                if begin == end {
                    value.matches(begin).count() == 1
                } else {
                    value.matches(begin).count() > value.matches(end).count()
                }
            })
            .map(|(_, end)| end);
    }
    ranges
}

/// Whether a quote is open at the end.
fn is_odd(text: &str) -> bool {
    ['"', '\''].into_iter().any(|quote| text.matches(quote).count() % 2 == 1)
}

/// Whether a line sets a key, or says nothing.
fn begins(trimmed: &str) -> bool {
    let sets = trimmed.split_once('=').is_some_and(|(key, _)| {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.\"' ".contains(char);
        !key.is_empty() && key.chars().all(is_plain) && !is_odd(key)
    });
    sets || trimmed.is_empty() || trimmed.starts_with('#')
}

/// Where a secret may begin in a line of which nobody knows what its quotes mean: behind a word that names one, in a query,
/// behind the scheme of a URL with a user.
fn first_hint(line: &str) -> Option<usize> {
    let small = line.to_ascii_lowercase();
    let named = HINTS.iter().filter_map(|hint| Some(small.find(hint)? + hint.len())).min();
    let query = small.find('?').map(|at| at + 1);
    let user = small.find("://").map(|at| at + 3).filter(|at| small[*at..].contains('@'));
    let keys = SECRET_KEYS.into_iter().chain(["webhook", "dead_man"]);
    let keys = keys.filter_map(|key| {
        let is_whole = |at: &usize| {
            let beside = [small[..*at].chars().next_back(), small[at + key.len()..].chars().next()];
            beside.into_iter().flatten().all(|char| !char.is_ascii_alphanumeric())
        };
        small.match_indices(key).map(|(at, _)| at).find(is_whole).map(|at| at + key.len())
    });
    named.into_iter().chain(query).chain(user).chain(keys).min()
}

/// Whether a line up to a sign ends with the name of a secret.
fn is_secret_word(before: &str) -> bool {
    let before = before.trim_end();
    let start = before.rfind([' ', '\t', '{', ',', '[', '(']).map_or(0, |at| at + 1);
    before[start..].split('.').map(bare).any(|part| tells_from_afar(part) || is_secret_key(part))
}

/// Whether a table has a URL that is a secret.
fn tells_from_afar(name: &str) -> bool {
    matches!(name, "webhook" | "dead_man")
}

fn bare(part: &str) -> &str {
    part.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> (String, Vec<String>) {
        masked(text, &Key::default(), 0..text.len(), false)
    }

    #[test]
    fn secrets_of_settings_are_masked_and_known() {
        for (line, shown, secret) in [
            ("[check.w.http]\nbody = \"hunter2\"", "[check.w.http]\nbody = \"*******\"", "hunter2"),
            (
                "[check.w.http.headers]\nX-Foo = 'hunter2'",
                "[check.w.http.headers]\nX-Foo = '*******'",
                "hunter2",
            ),
            (
                "[check.w]\nhttp = { url = \"http://h/?key=hunter2&a=b\" }",
                "[check.w]\nhttp = { url = \"http://h/?key=*******&a=b\" }",
                "hunter2",
            ),
            (
                "[check.w.exec]\ncommand = [\"a\", \"--password\", \"hunter2\"]",
                "[check.w.exec]\ncommand = [\"a\", \"--password\", \"*******\"]",
                "hunter2",
            ),
            (
                "[check.w.tcp]\nsend = \"AUTH hunter2\"",
                "[check.w.tcp]\nsend = \"************\"",
                "hunter2",
            ),
            (
                "[alerts.receiver.x]\nwebhook = { url = \"https://h/hunter2\" }",
                "[alerts.receiver.x]\nwebhook = { url = \"https://h/*******\" }",
                "hunter2",
            ),
            (
                "[check.w.http]\nheader = { A = \"hunter2\" }",
                "[check.w.http]\nheader = { A = \"*******\" }",
                "hunter2",
            ),
            (
                "[check.w.exec]\nenvironment = { A = \"hunter2\" }",
                "[check.w.exec]\nenvironment = { A = \"*******\" }",
                "hunter2",
            ),
        ] {
            let (masked, secrets) = mask(line);
            assert_eq!(masked, shown);
            assert!(secrets.iter().any(|known| known == secret), "{line}: {secrets:?}");
        }
    }

    #[test]
    fn what_is_none_is_left_as_it_is() {
        for text in [
            "[check.body]\nhttp = { url = \"http://h/health?verbose=1\" }\nfile = { path = \"/x\" }",
            "[agent]\ntoken_file = \"/etc/evenkeel/token\"",
            "[check.w]\nconditions = [{ field = \"body\", contains = \"fine\" }]",
        ] {
            assert_eq!(mask(text), (text.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn a_header_that_everybody_sends_is_no_secret_that_would_have_to_be_hidden_elsewhere() {
        let (_, secrets) = mask("[check.w.http.headers]\nAccept = \"application/json\"");
        assert_eq!(secrets, Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_no_toml_shows_no_secret_either() {
        for text in [
            "[check.w.http]\nbody = \"hunter2",
            "[check.w.http]\nurl = \"http://h/?token=hunter2",
            "[check.w]\nhttp = { headers = { A = \"hunter2\" }, x = }",
            "[check.w.http.headers]\nA = \"hunter2\"\nA = = \"hunter2\"",
            "[check.w.http.headers]\nA = hunter2",
            "[check.w.http]\nbody = \"\"\"\none\nhunter2 = 3\n",
            "[check.w]\nexec.environment = {\n  A = \"hunter2\",\n  B = hunter2\n}\n",
            "[check.w]\nexec = { environment.A = \"hunter2\" \n",
            "= \n[check.w]\nhttp.headers.\"X-A\" = \"hunter2\"\n",
        ] {
            let (masked, _) = mask(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len());
            assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
