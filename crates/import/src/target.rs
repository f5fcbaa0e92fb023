//! Where a path leads: to a directory, or to names in one.

use evenkeel_names::Glob;

/// A path taken apart: the directory, and the glob for the last name if it is not the directory that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) directory: String,
    pub(crate) glob: Option<String>,
}

/// Takes a path apart whose last component may be a glob; fails with why that has no equal.
pub(crate) fn target(path: &str) -> Result<Target, String> {
    let path = absolute(path)?;
    if !is_glob(&path) {
        return Ok(Target { directory: path, glob: None });
    }
    names_in(&path)
}

/// Takes a path apart that means names in a directory.
pub(crate) fn names_in(path: &str) -> Result<Target, String> {
    let path = absolute(path)?;
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if is_glob(directory) {
        return Err(
            "a glob before the last component: a rule has one directory; write one rule for each"
                .to_owned(),
        );
    }
    Glob::try_new(name).map_err(|error| error.to_string())?;
    let directory = if directory.is_empty() { "/" } else { directory };
    Ok(Target { directory: directory.to_owned(), glob: Some(name.to_owned()) })
}

/// An absolute path without doubled or trailing slashes.
pub(crate) fn absolute(path: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err(format!("`{path}` is no absolute path"));
    }
    if path.contains('\0') {
        return Err("a path contains no NUL".to_owned());
    }
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("`..` means something else after a link; write the path out".to_owned());
    }
    Ok(format!("/{}", parts.join("/")))
}

pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_directory_or_names_in_one() {
        let whole = Target { directory: "/srv/a".to_owned(), glob: None };
        assert_eq!(target("/srv//a/"), Ok(whole));
        let names = Target { directory: "/srv/a".to_owned(), glob: Some("*.key".to_owned()) };
        assert_eq!(target("/srv/a/*.key"), Ok(names));
        for path in ["srv", "/srv/*/a", "/srv/../a", "/srv/[a"] {
            assert!(target(path).is_err(), "{path}");
        }
    }
}
