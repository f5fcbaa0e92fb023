//! What keeps programs running: units of systemd, and servers of tmux.

use std::collections::BTreeMap;

use evenkeel_probe::{ProgramGlob, SystemdTarget, TmuxTarget};
use evenkeel_systemd::UnitName;
use evenkeel_tmux::Place;

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;

/// The longest path that a socket can have: `sun_path` of `unix(7)`, without its last byte.
const LONGEST_SOCKET: usize = 107;

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

    pub(super) fn tmux(&mut self, table: &Key, raw: &raw::Tmux) -> Option<TmuxTarget> {
        let place = self.tmux_place(table, raw);
        let mut sessions = Vec::new();
        for (index, session) in raw.sessions.iter().flat_map(|sessions| &sessions.0).enumerate() {
            match ProgramGlob::try_new(session) {
                Ok(glob) => sessions.push(Some(glob)),
                Err(error) => {
                    let key = table.child("sessions").item(index);
                    let accepted =
                        "accepted: the name of a session, or a glob such as \"worker-*\"";
                    self.refuse_with(
                        &key,
                        format!("`{key}` names no session"),
                        error.to_string(),
                        &[accepted],
                    );
                    sessions.push(None);
                }
            }
        }
        let stalled_after = match raw.stalled_after {
            Some(given) => Some(self.above_zero(table, "stalled_after", Some(given))?),
            None => None,
        };
        let sessions = sessions.into_iter().collect::<Option<Vec<_>>>()?;
        Some(TmuxTarget { sessions, stalled_after, ..TmuxTarget::new(place?) })
    }

    fn tmux_place(&mut self, table: &Key, raw: &raw::Tmux) -> Option<Place> {
        let named = self.user_is_named(table, raw.user.as_deref());
        match (&raw.socket_path, &raw.socket_name) {
            (Some(path), None) => {
                let key = table.child("socket_path");
                if raw.user.is_some() {
                    let key = table.child("user");
                    let accepted = "accepted with `socket_name`: whose socket of that name it is";
                    self.refuse_with(
                        &key,
                        format!("`{key}` does not belong to `socket_path`"),
                        "of no use here",
                        &[accepted],
                    );
                    return None;
                }
                let path = self.absolute(&key, path.clone())?;
                let length = path.as_os_str().len();
                if length > LONGEST_SOCKET {
                    let label = format!("{length} bytes");
                    let accepted = format!("accepted: at most {LONGEST_SOCKET} bytes");
                    self.refuse_with(
                        &key,
                        format!("`{key}` is longer than a socket's path can be"),
                        label,
                        &[&accepted],
                    );
                    return None;
                }
                Some(Place::Path(path))
            }
            (None, Some(name)) => {
                if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
                    let accepted = "a name as for `tmux -L`, such as `default`";
                    self.refuse_policy(
                        &table.child("socket_name"),
                        name,
                        "not the name of a socket",
                        accepted,
                    );
                    return None;
                }
                named.then(|| Place::Named { name: name.clone(), user: raw.user.clone() })
            }
            (given, _) => {
                let how = if given.is_none() { "in no way" } else { "in two ways" };
                let problem = Problem::new(format!("`{table}` must say in one way which server is meant"))
                    .key_is(table)
                    .at(self.tree.place_of_value(table))
                    .label(how)
                    .help("accepted: socket_path = \"/run/app/tmux.sock\", or socket_name = \"default\" with or without user = \"app\"");
                self.tree.add(table, problem);
                None
            }
        }
    }

    /// The one tmux server among the checks that a recovery listens to.
    pub(super) fn tmux_of_step(
        &mut self,
        (rule, step): (&Key, &Key),
        when: &[String],
        checks: &BTreeMap<String, raw::Check>,
    ) -> Option<Place> {
        let tmux = |name: &String| Some((name.clone(), checks.get(name)?.tmux.as_ref()?));
        let mut places: Vec<(String, Place)> = Vec::new();
        for (name, raw) in when.iter().filter_map(tmux) {
            let table = Key::of(&["check"]).named(&name).child("tmux");
            let place = self.tmux_place(&table, raw)?;
            if places.iter().all(|(_, known)| *known != place) {
                places.push((name, place));
            }
        }
        match places.as_slice() {
            [(_, place)] => return Some(place.clone()),
            // What is wrong with `when` was said.
            [] if !self.tree.is_sound(&rule.child("when")) || when.is_empty() => return None,
            _ => {}
        }
        let names: Vec<_> = places.iter().map(|(name, _)| format!("`{name}`")).collect();
        let label = if names.is_empty() {
            "`when` names no tmux check".to_owned()
        } else {
            format!("`when` names checks of several tmux servers: {}", names.join(", "))
        };
        let problem = Problem::new(format!("`{step}` does not say which tmux server is meant"))
            .key_is(step)
            .at(self.tree.place_of_value(step))
            .label(label)
            .see(self.tree.place_of_value(&rule.child("when")), "the checks it listens to")
            .help("accepted: `when` with checks of one tmux server; write a recovery for each");
        self.tree.add(step, problem);
        None
    }
}
