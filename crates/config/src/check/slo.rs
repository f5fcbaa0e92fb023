use std::collections::BTreeMap;

use super::Checker;
use crate::key::Key;
use crate::raw;
use crate::settings::Slo;

impl Checker {
    pub(super) fn slos(
        &mut self,
        rules: &BTreeMap<String, raw::Slo>,
        checks: &BTreeMap<String, raw::Check>,
    ) -> Vec<Slo> {
        rules.iter().filter_map(|(name, raw)| self.slo(name, raw, checks)).collect()
    }

    fn slo(
        &mut self,
        name: &str,
        raw: &raw::Slo,
        checks: &BTreeMap<String, raw::Check>,
    ) -> Option<Slo> {
        let rule = Key::of(&["slo"]).named(name);
        let good_name = self.name_is_good(&rule);
        let names = self.need(&rule, "checks", raw.checks.as_ref(), "checks = [\"health\"]");
        let known = names
            .as_ref()
            .is_some_and(|names| self.checks_are_known(&rule.child("checks"), &names.0, checks));
        let window = self.above_zero(&rule, "window", raw.window);
        let objective = raw.objective?;
        if !(objective > 0.0 && objective < 1.0) {
            let key = rule.child("objective");
            let label = if objective > 1.0 && objective < 100.0 {
                format!("a share, not a percentage: {}", (objective * 1e4).round() / 1e6)
            } else {
                "nothing is up all the time, and no promise is none".to_owned()
            };
            self.refuse_with(
                &key,
                format!("`{key}` cannot be {objective}"),
                label,
                &["accepted: above 0 and below 1, such as 0.999"],
            );
            return None;
        }
        (good_name && known).then_some(Slo {
            name: name.to_owned(),
            checks: names?.0,
            objective,
            window: window?,
        })
    }

    /// Whether there are names, all of them of checks, none of them twice; if not, a problem.
    pub(super) fn checks_are_known(
        &mut self,
        key: &Key,
        names: &[String],
        checks: &BTreeMap<String, raw::Check>,
    ) -> bool {
        let known: Vec<_> = checks.keys().map(String::as_str).collect();
        let mut good = true;
        if names.is_empty() {
            let accepted = format!(
                "accepted: {}",
                if known.is_empty() { "names of checks".to_owned() } else { known.join(", ") }
            );
            self.refuse_with(key, format!("`{key}` names no check"), "an empty list", &[&accepted]);
            good = false;
        }
        for (index, name) in names.iter().enumerate() {
            let item = key.item(index);
            if !checks.contains_key(name) {
                self.refuse_unknown(
                    &item,
                    format!("`{key}` names a check that does not exist: `{name}`"),
                    name,
                    &known,
                );
                good = false;
            } else if names[..index].contains(name) {
                self.refuse(
                    &item,
                    format!("`{key}` names the check `{name}` twice"),
                    "the second time",
                );
                good = false;
            }
        }
        good
    }
}
