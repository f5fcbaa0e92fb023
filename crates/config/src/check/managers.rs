//! What keeps programs running: units of systemd.

use evenkeel_probe::SystemdTarget;
use evenkeel_systemd::UnitName;

use super::Checker;
use crate::key::Key;
use crate::raw;

impl Checker {
    pub(super) fn systemd(&mut self, table: &Key, raw: &raw::Systemd) -> Option<SystemdTarget> {
        let unit = self.need(table, "unit", raw.unit.as_ref(), "unit = \"nginx\"")?;
        let named = self.user_is_named(table, raw.user.as_deref());
        let target = SystemdTarget::new(self.unit_name(&table.child("unit"), &unit)?);
        named.then(|| SystemdTarget { user: raw.user.clone(), ..target })
    }

    /// The full name of a unit.
    pub(super) fn unit_name(&mut self, key: &Key, text: &str) -> Option<UnitName> {
        UnitName::try_new(text)
            .map_err(|error| {
                let accepted =
                    "accepted: the name of a unit, such as \"app\" or \"app.service\", or of an instance, such as \"app@1\"";
                self.refuse_with(key, format!("`{key}` is not the name of a unit"), error.to_string(), &[accepted]);
            })
            .ok()
    }

    /// Whether a user that is given is so by a name or number.
    fn user_is_named(&mut self, table: &Key, user: Option<&str>) -> bool {
        if user == Some("") {
            let accepted = "the name or number of a user";
            self.refuse_policy(&table.child("user"), "", "nobody is called so", accepted);
        }
        user != Some("")
    }
}
