//! What settings look like, for editors and for people: a JSON Schema that is made of the raw types.
//!
//! It is made by a test, so that no program carries the machinery, and is committed as `schema.json`. `BLESS=1 cargo test -p
//! evenkeel-config schema` writes it anew; the same test without it fails where the types say something else by now.

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::RATE;

/// The JSON Schema (2020-12) of a settings file: each key with its form, its meaning and its default.
///
/// It says of each key by itself whether it can be meant so. It asks for no key, because any file may say only part of a rule, and
/// cannot tell what fits together: that is what [`crate::load`] is for.
pub fn schema() -> &'static str {
    include_str!("../../schema.json")
}
