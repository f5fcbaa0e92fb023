use std::collections::BTreeMap;

/// How many files a summary names.
const FILES: usize = 16;
/// How many different files are told apart; what comes beyond is counted in the sums only.
const DISTINCT: usize = 4096;

/// What a process has mapped, in sums; by `/proc/PID/maps`. Sizes are of address space, not of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapsSummary {
    /// How many mappings there are.
    pub mappings: u64,
    /// The heap.
    pub heap_bytes: u64,
    /// The stack of the first thread.
    pub stack_bytes: u64,
    /// Without a file: memory of allocators, stacks of other threads.
    pub anonymous_bytes: u64,
    /// Of files.
    pub file_bytes: u64,
    /// Writable and executable at once.
    pub writable_code_bytes: u64,
    /// The largest files, the largest first, with everything escaped that does not print. A deleted one, as of a library that
    /// was upgraded under a running program, ends in ` (deleted)`.
    pub files: Vec<(String, u64)>,
    /// Whether there was more than was read.
    pub cut: bool,
}

/// `start-end perms offset device inode   path`, a line each; the kernel escapes newlines in paths.
pub(crate) fn parse(text: &[u8], cut: bool) -> MapsSummary {
    let mut summary = MapsSummary { cut, ..MapsSummary::default() };
    let mut files: BTreeMap<&[u8], u64> = BTreeMap::new();
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if cut {
        lines.pop();
    }
    for (bytes, permissions, path) in lines.into_iter().filter_map(parse_line) {
        summary.mappings += 1;
        let sum = match path {
            b"[heap]" => &mut summary.heap_bytes,
            b"[stack]" => &mut summary.stack_bytes,
            path if path.is_empty() || path.starts_with(b"[") => &mut summary.anonymous_bytes,
            path => {
                if files.len() < DISTINCT || files.contains_key(path) {
                    let file = files.entry(path).or_default();
                    *file = file.saturating_add(bytes);
                }
                &mut summary.file_bytes
            }
        };
        *sum = sum.saturating_add(bytes);
        if permissions.contains(&b'w') && permissions.contains(&b'x') {
            summary.writable_code_bytes = summary.writable_code_bytes.saturating_add(bytes);
        }
    }
    let mut largest: Vec<_> = files.into_iter().collect();
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    largest.truncate(FILES);
    summary.files =
        largest.into_iter().map(|(path, bytes)| (path.escape_ascii().to_string(), bytes)).collect();
    summary
}

fn parse_line(line: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let range = str::from_utf8(fields.next()?).ok()?;
    let permissions = fields.next()?;
    let path = fields.nth(3).unwrap_or_default();
    let (start, end) = range.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some((address(end)?.checked_sub(address(start)?)?, permissions, path.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAPS: &[u8] = b"1000-3000 r-xp 00000000 fe:00 12                     /usr/bin/a b\n\
        3000-4000 rw-p 00002000 fe:00 12                     /usr/bin/a b\n\
        5000-9000 rw-p 00000000 00:00 0                      [heap]\n\
        a000-b000 rwxp 00000000 00:00 0 \n\
        c000-d000 r--p 00000000 fe:00 9                      /lib/x.so (deleted)\n\
        e000-f000 rw-p 00000000 00:00 0                      [stack]\n";

    #[test]
    fn mappings_are_summed_by_what_they_are_of() {
        let summary = parse(MAPS, false);
        let expected = MapsSummary {
            mappings: 6,
            heap_bytes: 0x4000,
            stack_bytes: 0x1000,
            anonymous_bytes: 0x1000,
            file_bytes: 0x4000,
            writable_code_bytes: 0x1000,
            files: vec![("/usr/bin/a b".into(), 0x3000), ("/lib/x.so (deleted)".into(), 0x1000)],
            cut: false,
        };
        assert_eq!(summary, expected);
    }

    #[test]
    fn no_more_files_are_named_than_a_page_holds() {
        let lines: Vec<_> =
            (0..1000).map(|file| format!("0-{file:x} r--p 0 0:0 1 /f{file}")).collect();
        let text = lines.join("\n") + "\n";
        let summary = parse(text.as_bytes(), true);
        assert_eq!((summary.mappings, summary.files.len()), (1000, FILES));
        assert_eq!(summary.files[0].0, "/f999");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text: Vec<u8>, lines in "([0-9a-f]{1,20}-[0-9a-f]{1,20} rwxp \\PC{0,20}\n){0,4}", cut: bool) {
            parse(&text, cut);
            parse(lines.as_bytes(), cut);
        }
    }
}
