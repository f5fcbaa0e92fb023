/// The settings that are shipped, by name.
pub const PRESETS: [(&str, &str); 3] = [
    ("tmux-supervisor", include_str!("../presets/tmux-supervisor.toml")),
    ("systemd", include_str!("../presets/systemd.toml")),
    ("minimal", include_str!("../presets/minimal.toml")),
];

/// The text of a shipped set of settings, comments and all; `None` if there is none of that name.
pub fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
