//! Modules of `evenkeel-probe serve`: checks whose target comes with each request.

use std::collections::BTreeMap;

use evenkeel_probe::{Scope, Target};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::Module;
use crate::value::Lasting;

const KINDS: [&str; 4] = ["http", "tcp", "dns", "unix"];

// Stand for the target until one is given; never asked.
const URL: &str = "https://target.invalid/";
const URL_OVER_SOCKET: &str = "http://target.invalid/";
const ADDRESS: &str = "target.invalid:1";
const SERVER: &str = "192.0.2.1";
const PATH: &str = "/target";

impl Checker {
    pub(super) fn modules(&mut self, rules: &BTreeMap<String, raw::Module>) -> Vec<Module> {
        rules.iter().filter_map(|(name, raw)| self.module(name, raw)).collect()
    }

    fn module(&mut self, name: &str, raw: &raw::Module) -> Option<Module> {
        let rule = Key::of(&["module"]).named(name);
        let named = self.name_is_good(&rule);
        let timeout = self.above_zero(&rule, "timeout", raw.timeout);
        let target = self.template(&rule, raw);
        let conditions = target
            .as_ref()
            .and_then(|target| self.conditions(&rule, raw.conditions.as_deref(), target));
        let scope = match &raw.targets {
            None => None,
            Some(targets) => Some(self.scope(&rule.child("targets"), &targets.0)?),
        };
        let conditions = conditions?;
        let mut target = target?.judged_by(&conditions);
        if let Target::Http(http) = &mut target {
            // A redirect must not lead where the request could not.
            http.scope.clone_from(&scope);
        }
        let timeout = timeout?;
        named.then(|| Module { name: name.to_owned(), target, conditions, timeout, scope })
    }

    fn template(&mut self, rule: &Key, raw: &raw::Module) -> Option<Target> {
        let timeout = raw.timeout.map(|Lasting(timeout)| timeout);
        match (&raw.http, &raw.tcp, &raw.dns, &raw.unix) {
            (Some(http), None, None, None) => {
                let table = rule.child("http");
                self.comes_with_the_request(&table.child("url"), http.url.is_some())?;
                let url = if http.unix_socket.is_some() { URL_OVER_SOCKET } else { URL };
                let http = raw::Http { url: Some(url.to_owned()), ..http.clone() };
                self.http(&table, &http, timeout).map(Target::Http)
            }
            (None, Some(tcp), None, None) => {
                let table = rule.child("tcp");
                self.comes_with_the_request(&table.child("address"), tcp.address.is_some())?;
                let tcp = raw::Tcp { address: Some(ADDRESS.to_owned()), ..tcp.clone() };
                self.tcp(&table, &tcp, timeout).map(Target::Tcp)
            }
            (None, None, Some(dns), None) => {
                let table = rule.child("dns");
                self.comes_with_the_request(&table.child("server"), dns.server.is_some())?;
                let dns = raw::Dns { server: Some(SERVER.to_owned()), ..dns.clone() };
                self.dns(&table, &dns).map(Target::Dns)
            }
            (None, None, None, Some(unix)) => {
                let table = rule.child("unix");
                self.comes_with_the_request(&table.child("path"), unix.path.is_some())?;
                let unix = raw::Unix { path: Some(PATH.into()), ..unix.clone() };
                self.unix(&table, &unix).map(Target::Unix)
            }
            _ if !self.tree.all_sound(rule, &KINDS) => None,
            _ => {
                let problem = Problem::new(format!("`{rule}` must be of one kind"))
                    .key_is(rule)
                    .at(self.tree.place_of_key(rule))
                    .label("of none, or of several")
                    .help(format!("one of these is needed: {}", KINDS.join(", ")))
                    .help("such as: http = {}");
                self.tree.add(rule, problem);
                None
            }
        }
    }

    fn comes_with_the_request(&mut self, key: &Key, given: bool) -> Option<()> {
        if given {
            self.refuse(
                key,
                format!("`{key}` is not for a module to say"),
                "it comes with each request, as `target`",
            );
            return None;
        }
        Some(())
    }

    fn scope(&mut self, key: &Key, entries: &[String]) -> Option<Scope> {
        if entries.is_empty() {
            self.refuse(key, format!("`{key}` names no target"), "nothing could be asked");
            return None;
        }
        for (index, entry) in entries.iter().enumerate() {
            if let Err(error) = Scope::try_new(&[entry]) {
                let key = key.item(index);
                let accepted = "accepted: a host name, \"*.internal\", an address, a network such as \"10.0.0.0/24\", or the path of a socket";
                let message = format!("`{key}` is no place");
                self.refuse_with(&key, message, error.to_string(), &[accepted]);
                return None;
            }
        }
        Scope::try_new(entries).ok()
    }
}
