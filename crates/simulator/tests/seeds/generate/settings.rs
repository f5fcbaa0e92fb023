//! Settings: what is kept, how it is looked at, and what may be done about it. Biased to what is at the edge of what is accepted.

use toml::{Table, Value};

use crate::draw::Draw;

/// The name of a check, of those that were generated before.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) interval: u64,
    pub(super) timeout: u64,
    pub(super) success_threshold: u64,
    /// What belongs to its kind, such as a unit's name.
    pub(super) object: String,
}

/// Settings, and what has to be known of them to draw others for the same host.
pub(super) struct Drawn {
    pub(super) table: Table,
    checks: Vec<Checked>,
    /// The names of the permission rules, and of the cleanup rules.
    rules: (Vec<String>, Vec<String>),
}

pub(super) fn settings(draw: &mut Draw) -> Drawn {
    let mut settings = Table::new();
    settings.insert("agent".to_owned(), agent(draw).into());
    let (permissions, cleanups) = (rules(draw, "permissions"), rules(draw, "cleanup"));
    // Most cases are small, so that many of them are run; some are not, since much together is another matter.
    let count = if draw.percent(6) { draw.between(10, 30) } else { draw.small(1, 9) };
    let mut checks = Vec::new();
    let mut tables = Table::new();
    for number in 0..count {
        let table = super::checks::check(draw, number, &mut checks);
        tables.insert(format!("c{number}"), table.into());
    }
    settings.insert("check".to_owned(), tables.into());
    let names = |rules: &Table| rules.keys().cloned().collect::<Vec<_>>();
    let rule_names = (names(&permissions), names(&cleanups));
    let recoveries = super::recoveries::recoveries(draw, &checks, &rule_names);
    settings.insert("recovery".to_owned(), recoveries.into());
    for (section, rules) in [("permissions", permissions), ("cleanup", cleanups)] {
        if !rules.is_empty() {
            settings.insert(section.to_owned(), rules.into());
        }
    }
    if draw.percent(60) {
        settings.insert("slo".to_owned(), slos(draw, &checks).into());
    }
    Drawn { table: settings, checks, rules: rule_names }
}

impl Drawn {
    /// Other settings for the same host: checks look at what they looked at.
    pub(super) fn changed(&self, draw: &mut Draw) -> Table {
        let mut table = self.table.clone();
        if draw.percent(40) {
            table.insert("agent".to_owned(), agent(draw).into());
        }
        if draw.percent(60) {
            let recoveries = super::recoveries::recoveries(draw, &self.checks, &self.rules);
            table.insert("recovery".to_owned(), recoveries.into());
        }
        if draw.percent(40) {
            table.insert("slo".to_owned(), slos(draw, &self.checks).into());
        }
        let checks = table.get_mut("check").and_then(Value::as_table_mut).into_iter().flatten();
        for check in checks.filter_map(|(_, check)| check.as_table_mut()) {
            if draw.percent(20) {
                check.remove("breaker");
            }
            if draw.percent(20) {
                check.remove("depends_on");
            }
            if draw.percent(10) {
                set(check, "success_threshold", draw.small(1, 3));
            }
        }
        table
    }
}

fn agent(draw: &mut Draw) -> Table {
    let mut agent = Table::new();
    set(&mut agent, "grace", *draw.one_of(&["0s", "1s", "10s", "1m", "5m"]));
    set(&mut agent, "starved_after", *draw.one_of(&["2s", "10s", "10s", "1m"]));
    set(&mut agent, "hold_errors_for", *draw.one_of(&["0s", "10s", "2m"]));
    if draw.percent(4) {
        set(&mut agent, "mode", "observe");
    }
    if draw.percent(35) {
        set(&mut agent, "storm", "off");
    } else {
        let mut storm = Table::new();
        set(&mut storm, "targets", draw.between(2, 4));
        set(&mut storm, "share", format!("{}%", draw.between(2, 9) * 10));
        if draw.percent(40) {
            set(&mut storm, "within", *draw.one_of(&["1s", "10s", "1m", "10m"]));
        }
        set(&mut agent, "storm", storm);
    }
    agent
}

/// Rules of files, each in a directory of its own.
fn rules(draw: &mut Draw, section: &str) -> Table {
    let mut rules = Table::new();
    if !draw.percent(35) {
        return rules;
    }
    for number in 0..draw.small(1, 3) {
        let mut rule = Table::new();
        set(&mut rule, "path", format!("/srv/{section}-{number}"));
        set(&mut rule, "interval", *draw.one_of(&["30s", "5m", "1h"]));
        if section == "permissions" {
            let mut file = Table::new();
            set(&mut file, "match", "*.conf");
            set(&mut file, "mode", *draw.one_of(&["0644", "0600"]));
            set(&mut rule, "files", vec![Value::from(file)]);
            set(&mut rule, "watch", draw.percent(70));
        } else {
            set(&mut rule, "match", vec![Value::from("*.log")]);
            match draw.between(0, 3) {
                0 => set(&mut rule, "older_than", *draw.one_of(&["1m", "1h", "7d"])),
                1 => set(&mut rule, "larger_than", "10MiB"),
                2 => set(&mut rule, "max_count", draw.between(1, 20)),
                _ => set(&mut rule, "max_total", "100MiB"),
            }
            let by_size = rule.contains_key("larger_than");
            let action = if by_size { "truncate" } else { *draw.one_of(&["delete", "trash"]) };
            set(&mut rule, "action", action);
            if draw.percent(50) {
                set(&mut rule, "max_files", draw.small(1, 40));
            }
            if draw.percent(30) {
                set(&mut rule, "max_bytes", *draw.one_of(&["10KiB", "1MiB", "1GiB"]));
            }
        }
        rules.insert(format!("{section}-{number}"), rule.into());
    }
    rules
}

fn slos(draw: &mut Draw, checks: &[Checked]) -> Table {
    let mut slos = Table::new();
    let names: Vec<_> = checks.iter().map(|check| check.name.clone()).collect();
    for number in 0..draw.small(1, 3) {
        let mut slo = Table::new();
        let some = draw.some_of(&names, 4);
        set(&mut slo, "checks", some.into_iter().map(Value::from).collect::<Vec<_>>());
        set(&mut slo, "objective", *draw.one_of(&["0.9", "0.99", "0.95", "0.5"]));
        set(&mut slo, "window", *draw.one_of(&["5d", "7d", "30d"]));
        if draw.percent(50) {
            set(&mut slo, "exclude_unknown_up_to", *draw.one_of(&["0%", "5%", "50%"]));
        }
        slos.insert(format!("s{number}"), slo.into());
    }
    slos
}

/// Sets a key.
pub(super) fn set(table: &mut Table, key: &str, value: impl IntoValue) {
    table.insert(key.to_owned(), value.into_value());
}

/// What a key may be set to.
pub(super) trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

impl IntoValue for u64 {
    fn into_value(self) -> Value {
        Value::from(i64::try_from(self).expect("small"))
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

impl IntoValue for Table {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

impl IntoValue for Vec<Value> {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

/// A time in milliseconds, as settings have it.
pub(super) fn time(milliseconds: u64) -> String {
    if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}
