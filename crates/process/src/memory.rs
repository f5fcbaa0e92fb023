use crate::host;

/// Memory of one process.
///
/// Sums of `rss_bytes` over several processes count what they share more than once: a server with ten forked workers is
/// not ten times as large. What adds up is `pss_bytes`, in which each page is divided by the number of its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident, with everything that is shared.
    pub rss_bytes: u64,
    /// Resident, each shared page in equal parts; `None` if the kernel does not let the caller look, which takes the same
    /// user or `CAP_SYS_PTRACE`.
    pub pss_bytes: Option<u64>,
    /// Swapped out; in equal parts like `pss_bytes` where that is known.
    pub swap_bytes: u64,
}

/// Reads `/proc/PID/smaps_rollup`.
pub(crate) fn parse_rollup(text: &str) -> Option<Memory> {
    let field = |name: &str| kilobytes(text, name);
    Some(Memory {
        rss_bytes: field("Rss:")?,
        pss_bytes: Some(field("Pss:")?),
        // Absent in a kernel without swap.
        swap_bytes: field("SwapPss:").or_else(|| field("Swap:")).unwrap_or(0),
    })
}

/// The resident memory in `/proc/PID/statm`.
pub(crate) fn parse_statm(text: &str) -> Option<u64> {
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(host::page_bytes()))
}

/// What is swapped out by `/proc/PID/status`; a thread of the kernel has no such line.
pub(crate) fn parse_status_swap(text: &str) -> u64 {
    kilobytes(text, "VmSwap:").unwrap_or(0)
}

/// The value of `Name:   123 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(crate::read::number(value)?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLLUP: &str = "55a45f922000-7ffd1fb33000 ---p 00000000 00:00 0      [rollup]\n\
        Rss:                1756 kB\nPss:                 265 kB\nPss_Dirty:           116 kB\n\
        Swap:                 40 kB\nSwapPss:              20 kB\n";

    #[test]
    fn shares_are_read_and_not_their_namesakes() {
        let expected =
            Memory { rss_bytes: 1756 << 10, pss_bytes: Some(265 << 10), swap_bytes: 20 << 10 };
        assert_eq!(parse_rollup(ROLLUP), Some(expected));
        assert_eq!(parse_rollup("Pss_Dirty: 5 kB\nRss: 5 kB\n"), None);
    }

    #[test]
    fn what_everybody_may_read_says_less() {
        assert_eq!(parse_statm("2197 250 100 1 0 50 0"), Some(250 * host::page_bytes()));
        assert_eq!(parse_status_swap("Name:\tVmSwap: 5\nVmSwap:\t     12 kB\n"), 12 << 10);
        assert_eq!(parse_status_swap("Name:\tkthreadd\n"), 0);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,80}|(Rss|Pss|VmSwap): *[0-9]{0,30} kB") {
            let _ = (parse_rollup(&text), parse_statm(&text), parse_status_swap(&text));
        }
    }
}
