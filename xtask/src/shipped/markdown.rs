//! What can be checked in a page of the docs: its fenced blocks and its links.

/// A piece of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// The fenced blocks of one language.
pub(super) fn blocks(page: &str, language: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut open: Option<(bool, Piece)> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let wanted = info.split([' ', ',']).next() == Some(language);
                open = Some((wanted, Piece { line: index + 2, text: String::new() }));
            }
            (Some(_), Some(_)) => {
                found.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, piece)| piece));
            }
            (None, Some((_, piece))) => {
                piece.text.push_str(line);
                piece.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The targets of links to files, without their `#fragment`.
pub(super) fn relative_links(page: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (index, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for (_, rest) in line.match_indices("](").map(|(at, mark)| line.split_at(at + mark.len())) {
            let target = rest.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !target.contains("://") {
                found.push(Piece { line: index + 1, text: file.to_owned() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(line: usize, text: &str) -> Piece {
        Piece { line, text: text.to_owned() }
    }

    #[test]
    fn blocks_of_one_language_are_found_with_their_lines() {
        let page = "text\n```toml\na = 1\n```\n```bash\nb\n```\n```toml\nc = 2\nd = 3\n```\n";
        assert_eq!(blocks(page, "toml"), [piece(3, "a = 1\n"), piece(9, "c = 2\nd = 3\n")]);
    }

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let page = "[a](docs/A.md) and [b](B.md#part)\n[c](https://example.org) [d](#here)\n```\n[e](E.md)\n```\n";
        assert_eq!(relative_links(page), [piece(1, "docs/A.md"), piece(1, "B.md")]);
    }
}
