//! Whom the agent itself tells what its rules find.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_probe::{Header, HttpTarget, TlsOptions};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Alerts, DeadMan, Hidden, Receiver, ReceiverKind, SEVERITIES};
use crate::value::OneOrMany;

const KINDS: [&str; 3] = ["alertmanager", "webhook", "command"];
/// Where an Alertmanager takes alerts, below the URL that people know it by.
const ALERTMANAGER_PATH: &str = "/api/v2/alerts";
/// More often than this, the evaluation would cost more than all the rest of the agent.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// Less often than this, series are taken for gone between two looks, as Prometheus does after five minutes.
const LONGEST_INTERVAL: Duration = Duration::from_mins(2);
/// What the dead man is called where receivers have their names.
const DEAD_MAN: &str = "dead_man";

impl Checker {
    pub(super) fn alerts(&mut self, raw: &raw::Alerts) -> Option<Alerts> {
        let table = Key::of(&["alerts"]);
        let interval = self.interval(&table, raw);
        let repeat = self.above_zero(&table, "repeat", raw.repeat);
        let instance = raw.instance.clone();
        if instance.as_deref() == Some("") {
            let key = table.child("instance");
            self.refuse_with(
                &key,
                format!("`{key}` is empty"),
                "an alert must say where it comes from",
                &["such as: instance = \"web-1\"; without it, the host's name"],
            );
        }
        let receivers: Vec<_> =
            raw.receiver.iter().filter_map(|(name, raw)| self.receiver(name, raw)).collect();
        let dead_man = match &raw.dead_man {
            Some(raw) => Some(self.dead_man(&table.child(DEAD_MAN), raw)?),
            None => None,
        };
        let complete = receivers.len() == raw.receiver.len();
        let (interval, repeat) = (interval?, repeat?);
        complete.then_some(Alerts { interval, repeat, instance, receivers, dead_man })
    }

    fn interval(&mut self, table: &Key, raw: &raw::Alerts) -> Option<Duration> {
        let interval = self.above_zero(table, "interval", raw.interval)?;
        if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
            return Some(interval);
        }
        let key = table.child("interval");
        let label = if interval < SHORTEST_INTERVAL {
            "more often than rules can tell anything new"
        } else {
            "a series that is not seen for 5m counts as gone, and one look may fail"
        };
        self.refuse_with(&key, format!("`{key}` is out of bounds"), label, &["accepted: 1s to 2m"]);
        None
    }

    fn receiver(&mut self, name: &str, raw: &raw::Receiver) -> Option<Receiver> {
        let rule = Key::of(&["alerts", "receiver"]).named(name);
        let good_name = self.name_is_good(&rule);
        if name == DEAD_MAN {
            let problem = Problem::new(format!("`{rule}` cannot be called so"))
                .key_is(&rule)
                .at(self.tree.place_of_key(&rule))
                .label("this is what the dead man is called in the metrics");
            self.tree.add(&rule, problem);
            return None;
        }
        let kind = self.receiver_kind(&rule, raw);
        let severities = self.severities(&rule.child("severity"), raw.severity.as_ref());
        let timeout = self.above_zero(&rule, "timeout", raw.timeout);
        good_name.then_some(())?;
        Some(Receiver {
            name: name.to_owned(),
            kind: kind?,
            severities: severities?,
            resolved: raw.resolved?,
            timeout: timeout?,
        })
    }

    fn receiver_kind(&mut self, rule: &Key, raw: &raw::Receiver) -> Option<ReceiverKind> {
        match (&raw.alertmanager, &raw.webhook, &raw.command) {
            (Some(raw), None, None) => {
                let table = rule.child("alertmanager");
                let (mut target, bearer_token_file) = self.posted(&table, raw)?;
                self.complete_alertmanager(&table, raw.url.as_deref(), &mut target)?;
                let target = Hidden(target);
                Some(ReceiverKind::Alertmanager { target, bearer_token_file })
            }
            (None, Some(raw), None) => {
                let (target, bearer_token_file) = self.posted(&rule.child("webhook"), raw)?;
                Some(ReceiverKind::Webhook { target: Hidden(target), bearer_token_file })
            }
            (None, None, Some(raw)) => self.told_by_command(&rule.child("command"), raw),
            _ if !self.tree.all_sound(rule, &KINDS) => None,
            _ => {
                let given: Vec<_> = KINDS
                    .into_iter()
                    .zip([raw.alertmanager.is_some(), raw.webhook.is_some(), raw.command.is_some()])
                    .filter_map(|(kind, given)| given.then_some(format!("`{kind}`")))
                    .collect();
                let (message, label) = if given.is_empty() {
                    (format!("`{rule}` does not say how it is told"), "no kind".to_owned())
                } else {
                    (format!("`{rule}` is of more than one kind"), given.join(" and "))
                };
                let problem = Problem::new(message)
                    .key_is(rule)
                    .at(self.tree.place_of_key(rule))
                    .label(label)
                    .help(format!("exactly one of these is needed: {}", KINDS.join(", ")))
                    .help("such as: alertmanager = { url = \"http://127.0.0.1:9093\" }");
                self.tree.add(rule, problem);
                None
            }
        }
    }

    /// The request that tells, without what it tells.
    fn posted(&mut self, table: &Key, raw: &raw::Webhook) -> Option<(HttpTarget, Option<PathBuf>)> {
        let example = "url = \"http://127.0.0.1:9093\"";
        let mut target = self.hidden_url(table, raw.url.as_ref(), raw.ca_file.as_ref(), example)?;
        target.set_method("POST").expect("POST is a method");
        for (name, value) in raw.headers.iter().flatten() {
            let key = table.child("headers").named(name);
            if raw.bearer_token_file.is_some() && name.eq_ignore_ascii_case("authorization") {
                let message = format!("`{key}` and `bearer_token_file` are both given");
                self.refuse_secret(&key, message, "the token of the file goes into this header");
                return None;
            }
            match Header::try_new(name, value) {
                Ok(header) => target.headers.push(header),
                Err(error) => {
                    self.refuse_secret(&key, format!("`{key}` cannot be sent"), error.to_string());
                    return None;
                }
            }
        }
        let token = match &raw.bearer_token_file {
            Some(path) => Some(self.absolute(&table.child("bearer_token_file"), path.clone())?),
            None => None,
        };
        Some((target, token))
    }

    /// A request to a URL that is not shown, for it may hold a key.
    fn hidden_url(
        &mut self,
        table: &Key,
        url: Option<&String>,
        ca_file: Option<&PathBuf>,
        example: &str,
    ) -> Option<HttpTarget> {
        let url = self.need(table, "url", url, example)?;
        let mut target = match HttpTarget::try_new(&url) {
            Ok(target) => target,
            Err(error) => {
                // The error repeats the URL.
                let why = error.to_string();
                let why = why.strip_prefix(&format!("`{url}` ")).unwrap_or(&why).to_owned();
                let key = table.child("url");
                self.refuse_secret(&key, format!("`{key}` is not a URL"), why);
                return None;
            }
        };
        if let Some(path) = ca_file {
            let key = table.child("ca_file");
            if !target.url.is_tls() {
                self.refuse(&key, format!("`{key}` is of no use here"), "the URL is not https");
                return None;
            }
            let ca_file = Some(self.absolute(&key, path.clone())?);
            target.tls = TlsOptions { ca_file, ..TlsOptions::default() };
        }
        Some(target)
    }

    /// Adds the path of the API where the URL is that of the Alertmanager itself.
    fn complete_alertmanager(
        &mut self,
        table: &Key,
        url: Option<&str>,
        target: &mut HttpTarget,
    ) -> Option<()> {
        let path = target.url.request_target();
        if path.ends_with(ALERTMANAGER_PATH) {
            return Some(());
        }
        if path.contains('?') {
            let key = table.child("url");
            let label = "an Alertmanager takes no query here".to_owned();
            self.refuse_secret(&key, format!("`{key}` has a query"), label);
            return None;
        }
        let whole = format!("{}{ALERTMANAGER_PATH}", url?.trim_end_matches('/'));
        let url = HttpTarget::try_new(&whole).expect("a longer path is a path as well").url;
        target.url = url;
        Some(())
    }

    fn told_by_command(&mut self, table: &Key, raw: &raw::AlertCommand) -> Option<ReceiverKind> {
        let example = "run = [\"/usr/local/bin/tell\", \"on-call\"]";
        let words = self.need(table, "run", raw.run.as_ref(), example)?;
        let command = self.command(&table.child("run"), words)?;
        let environment = table.child("environment");
        let command = self.with_environment(command, &environment, raw.environment.as_ref())?;
        let user = raw.user.as_ref().map(|user| user.0.clone());
        Some(ReceiverKind::Command { command, user })
    }

    /// `None` in `Some` for all of them.
    #[expect(clippy::option_option, reason = "the outer one says that a problem was found")]
    fn severities(
        &mut self,
        key: &Key,
        given: Option<&OneOrMany<String>>,
    ) -> Option<Option<Vec<String>>> {
        let Some(OneOrMany(given)) = given else { return Some(None) };
        if given.is_empty() {
            let accepted = format!("accepted: {}", SEVERITIES.join(", "));
            let message = format!("`{key}` names no severity");
            self.refuse_with(key, message, "it would never be told anything", &[&accepted]);
            return None;
        }
        for (index, severity) in given.iter().enumerate() {
            if !SEVERITIES.contains(&severity.as_str()) {
                let message = format!("no rule has the severity `{severity}`");
                self.refuse_unknown(&key.item(index), message, severity, &SEVERITIES);
                return None;
            }
        }
        Some(Some(given.clone()))
    }

    fn dead_man(&mut self, table: &Key, raw: &raw::DeadMan) -> Option<DeadMan> {
        let example = "url = \"https://example.org/ping/…\"";
        let target = self.hidden_url(table, raw.url.as_ref(), raw.ca_file.as_ref(), example);
        let interval = self.above_zero(table, "interval", raw.interval);
        let timeout = self.above_zero(table, "timeout", raw.timeout);
        let (interval, timeout) = (interval?, timeout?);
        if timeout > interval {
            let key = table.child("timeout");
            self.refuse_with(
                &key,
                format!("`{key}` is longer than the interval"),
                format!("the next ping is due {} after this one", super::plain(interval)),
                &["needed: timeout ≤ interval"],
            );
            return None;
        }
        Some(DeadMan { target: Hidden(target?), interval, timeout })
    }
}

/// The receivers' files of tokens, and the keys that name them.
pub(super) fn token_files(alerts: &Alerts) -> impl Iterator<Item = (Key, &PathBuf)> {
    alerts.receivers.iter().filter_map(|receiver| {
        let path = match &receiver.kind {
            ReceiverKind::Alertmanager { bearer_token_file, .. }
            | ReceiverKind::Webhook { bearer_token_file, .. } => bearer_token_file.as_ref()?,
            ReceiverKind::Command { .. } => return None,
        };
        let rule = Key::of(&["alerts", "receiver"]).named(&receiver.name);
        Some((rule.child(receiver.kind.as_str()).child("bearer_token_file"), path))
    })
}
