//! Names that someone may have meant.

/// How many are named at most.
const NAMED: usize = 3;
/// Longer ones are nobody's slip of the fingers, and take time to compare.
const LONGEST: usize = 128;

/// What to add to "there is no `given`": the names of `known` that a slip of the fingers leads to, the likest first, or
/// nothing.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let tolerance = (given.chars().count() / 3).max(1);
    let mut near: Vec<_> = known
        .into_iter()
        .filter(|name| name.len() <= LONGEST && given.len() <= LONGEST)
        .map(|name| (strsim::osa_distance(given, name), name))
        .filter(|(distance, _)| *distance <= tolerance)
        .collect();
    near.sort_unstable();
    near.dedup();
    let names: Vec<_> = near.iter().take(NAMED).map(|(_, name)| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant_and_nothing_else() {
        let known = ["web", "worker", "database"];
        assert_eq!(did_you_mean("wbe", known), "; did you mean `web`?");
        assert_eq!(did_you_mean("wrker", known), "; did you mean `worker`?");
        assert_eq!(did_you_mean("mail", known), "");
        assert_eq!(did_you_mean(&"x".repeat(1000), [&*"x".repeat(1000)]), "");
    }
}
