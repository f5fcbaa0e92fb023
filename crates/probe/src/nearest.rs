//! Names that someone may have meant.

/// How many are named at most.
const NAMED: usize = 3;
/// Longer ones are nobody's slip of the fingers, and take time to compare.
const LONGEST: usize = 128;

/// The names of `known` that a slip of the fingers leads to `given` from, the likest first.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let tolerance = (given.chars().count() / 3).max(1);
    let mut near: Vec<_> = known
        .into_iter()
        .filter(|name| name.len() <= LONGEST && given.len() <= LONGEST)
        .map(|name| (strsim::osa_distance(given, name), name))
        .filter(|(distance, _)| *distance <= tolerance)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.iter().take(NAMED).map(|(_, name)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant_and_nothing_else() {
        let known = ["web", "worker", "database"];
        let none: [&str; 0] = [];
        assert_eq!(nearest("wbe", known), ["web"]);
        assert_eq!(nearest("wrker", known), ["worker"]);
        assert_eq!(nearest("mail", known), none);
        assert_eq!(nearest(&"x".repeat(1000), [&*"x".repeat(1000)]), none);
    }
}
