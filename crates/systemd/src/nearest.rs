//! Names that someone may have meant.

use std::collections::BTreeSet;

/// How many are named at most.
const NAMED: usize = 3;

/// Those of `known` that are likest to `given`, the likest first.
pub(crate) fn nearest(given: &str, known: &BTreeSet<String>) -> Vec<String> {
    let (stem, _) = split(given);
    let tolerance = (stem.chars().count() / 3).max(1);
    let mut found: Vec<_> = known
        .iter()
        .filter_map(|name| {
            let (other, _) = split(name);
            // `ssh` for `sshd`, `postgres` for `postgresql@15-main`: what was typed is the start of a name.
            let starts = stem.chars().count() > 2 && other.starts_with(stem);
            let far = distance(stem, other, tolerance);
            let far = if starts { Some(far.unwrap_or(tolerance)) } else { far };
            Some((far?, name))
        })
        .collect();
    found.sort();
    found.into_iter().take(NAMED).map(|(_, name)| name.clone()).collect()
}

fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, ""))
}

/// Fewest insertions, deletions, substitutions and swaps of neighbours from `left` to `right`; `None` if more than `most`.
fn distance(left: &str, right: &str, most: usize) -> Option<usize> {
    let (left, right): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: &[&str]) {
        let known = [
            "cron.service",
            "postgresql@15-main.service",
            "ssh.service",
            "ssh.socket",
            "nginx.service",
        ];
        let known: BTreeSet<_> = known.into_iter().map(str::to_owned).collect();
        assert_eq!(nearest(given, &known), expected, "{given}");
    }

    #[test]
    fn what_was_meant_is_named() {
        check("ngnix.service", &["nginx.service"]);
        check("crond.service", &["cron.service"]);
        check("sshd.service", &["ssh.service", "ssh.socket"]);
        check("postgresql.service", &["postgresql@15-main.service"]);
        check("ngin.socket", &["nginx.service"]);
    }

    #[test]
    fn what_is_nothing_like_it_is_not_named() {
        check("evenkeel.service", &[]);
        check("x.service", &[]);
    }
}
