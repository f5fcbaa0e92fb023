//! Just enough of Rust's lexical rules to look for a name in code and not in a comment, a string or a test.

/// `source` with the contents of comments, strings and character literals blanked; lines stay where they are.
pub(super) fn without_text(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = text_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|char| if *char == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// `code` (as [`without_text`] gives it) with everything under `#[cfg(test)]` blanked.
pub(super) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(start) = out.find(MARK) {
        let end = item_end(&out, start + MARK.len());
        let blank: String =
            out[start..end].chars().map(|char| if char == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// The lines, counted from 1, in which `code` names `path`, written out or through the braces of a `use`.
pub(super) fn lines_naming(code: &str, path: &str) -> Vec<usize> {
    let mut lines: Vec<usize> = places_of(code, path).map(|at| line_of(code, at)).collect();
    for (at, _) in code.match_indices("use ").filter(|(at, _)| !preceded_by_name(code, *at)) {
        let tree: String = code[at + 4..].chars().take_while(|char| *char != ';').collect();
        if tree.contains('{')
            && flattened(&tree).iter().any(|full| places_of(full, path).next().is_some())
        {
            lines.push(line_of(code, at));
        }
    }
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none does.
fn text_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let name_before = at > 0 && is_name(chars[at - 1]);
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|char| *char == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment_end(chars, at),
        ['"', ..] => string_end(chars, at),
        ['r', '"' | '#', ..] if !name_before => raw_string_end(chars, at, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !name_before => raw_string_end(chars, at, 2),
        ['\'', '\\', ..] => {
            at + 3
                + rest[3..]
                    .iter()
                    .position(|char| *char == '\'')
                    .map_or(rest.len() - 3, |end| end + 1)
        }
        // A lifetime has no closing quote.
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0_u32, at);
    while here < chars.len() {
        match &chars[here..] {
            ['/', '*', ..] => (depth, here) = (depth + 1, here + 2),
            ['*', '/', ..] => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            break;
        }
    }
    here
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut here = at + 1;
    while here < chars.len() {
        match chars[here] {
            '\\' => here += 2,
            '"' => return here + 1,
            _ => here += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], at: usize, prefix: usize) -> usize {
    let hashes = chars[at + prefix..].iter().take_while(|char| **char == '#').count();
    let open = at + prefix + hashes;
    if chars.get(open) != Some(&'"') {
        return at; // a raw identifier
    }
    let close = |here: usize| {
        chars[here] == '"'
            && chars[here + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|here| close(*here)).map_or(chars.len(), |here| here + 1 + hashes)
}

/// Where the item that follows `from` ends: at its `;`, or at the brace that closes its first one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_u32;
    for (at, char) in code[from..].char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth <= 1 => return from + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The full paths of one `use` tree: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn flattened(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.to_owned()];
    };
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, char) in inner.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts.into_iter().flat_map(flattened).map(|part| format!("{}{part}", prefix.trim())).collect()
}

fn places_of<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = usize> + 'a {
    let ends_in_name = path.chars().next_back().is_some_and(is_name);
    let starts_in_name = path.chars().next().is_some_and(is_name);
    code.match_indices(path).map(|(at, _)| at).filter(move |at| {
        let begins_earlier = starts_in_name && preceded_by_name(code, *at);
        let goes_on = ends_in_name && code[at + path.len()..].chars().next().is_some_and(is_name);
        !begins_earlier && !goes_on
    })
}

fn preceded_by_name(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(is_name)
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, path: &str, expected: &[usize]) {
        let code = without_tests(&without_text(source));
        assert_eq!(lines_naming(&code, path), expected, "`{path}` in:\n{source}");
    }

    #[test]
    fn a_name_in_code_is_found_with_its_line() {
        check("fn f() {\n    std::fs::read(p)\n}", "std::fs", &[2]);
        check("use std::fs;\nuse std::fs::File;", "std::fs", &[1, 2]);
        check("a.elapsed()", ".elapsed(", &[1]);
    }

    #[test]
    fn a_longer_name_is_another_name() {
        check("mystd::fs; std::fsx; unsafe_code; not_unsafe", "std::fs", &[]);
        check("#![forbid(unsafe_code)] fn not_unsafe() {}", "unsafe", &[]);
    }

    #[test]
    fn names_behind_the_braces_of_a_use_are_found() {
        check("use std::{\n    collections::BTreeMap,\n    fs::{self, File},\n};", "std::fs", &[1]);
        check("pub use tokio::{net::{TcpStream}, time};", "tokio::net", &[1]);
        check("use std::{net, fmt};", "std::fs", &[]);
    }

    #[test]
    fn comments_strings_and_characters_hold_no_code() {
        check("// std::fs\n/* std::fs /* nested */ std::fs */ x", "std::fs", &[]);
        check(r##"let a = "std::fs \" std::fs"; let b = r#"std::fs "std::fs"#;"##, "std::fs", &[]);
        check("let a = b\"std::fs\"; let c = br#\"std::fs\"#;", "std::fs", &[]);
    }

    #[test]
    fn code_after_a_literal_is_code_again() {
        check("let a = \"x\\\\\"; std::fs::read()", "std::fs", &[1]);
        check("let a = '\"'; std::fs::read()", "std::fs", &[1]);
        check("let a = '\\''; std::fs::read()", "std::fs", &[1]);
        check("fn f<'a>(x: &'a str) { std::fs::read() }", "std::fs", &[1]);
        check("let r#type = 1; std::fs::read()", "std::fs", &[1]);
        check("let a = r\"x\"; /* y */ std::fs::read()", "std::fs", &[1]);
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_not() {
        check(
            "#[cfg(test)]\nmod tests {\n    fn f() { std::fs::read() }\n}\nstd::fs",
            "std::fs",
            &[5],
        );
        check("#[cfg(test)]\nuse std::fs;\nstd::fs", "std::fs", &[3]);
        check("#[cfg(test)]\nmod tests;\nstd::fs", "std::fs", &[3]);
    }
}
