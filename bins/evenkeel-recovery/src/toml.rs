//! Values as TOML writes them, for settings that flags mean.

/// A list of texts.
pub(crate) fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => {
                quoted.extend(format!("\\u{:04X}", u32::from(char)).chars());
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
