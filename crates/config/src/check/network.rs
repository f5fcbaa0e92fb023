//! What a check asks over a network or a socket.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_probe::{
    AddressError, ClientCertificate, DnsName, DnsTarget, Exchange, Header, HttpTarget, Pattern,
    RecordType, RequestBody, TcpTarget, TlsName, TlsOptions, UnixTarget,
};

use super::{Checker, OUT_OF_BOUNDS, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::value::Lasting;

/// What a check sends is a question, not an upload.
const MAX_SENT: usize = 64 * 1024;

/// The keys that are about TLS, as both kinds have them.
struct Tls<'a> {
    ca_file: &'a Option<PathBuf>,
    client_cert: &'a Option<PathBuf>,
    client_key: &'a Option<PathBuf>,
    server_name: &'a Option<String>,
}

impl Checker {
    pub(super) fn http(
        &mut self,
        table: &Key,
        raw: &raw::Http,
        timeout: Option<Duration>,
    ) -> Option<HttpTarget> {
        let example = "url = \"http://127.0.0.1:8080/health\"";
        let url = self.need(table, "url", raw.url.as_ref(), example)?;
        let mut target = match HttpTarget::try_new(&url) {
            Ok(target) => target,
            Err(error) => {
                self.refuse_url(&table.child("url"), &url, &error);
                return None;
            }
        };
        if let Some(method) = &raw.method
            && target.set_method(method).is_err()
        {
            let accepted = "a method such as `GET` or `HEAD`";
            self.refuse_policy(&table.child("method"), method, "not a method", accepted);
            return None;
        }
        self.request(table, raw, &mut target)?;
        if let Some(statuses) = &raw.expect_status {
            if statuses.0.is_empty() {
                let key = table.child("expect_status");
                self.refuse(&key, format!("`{key}` names no status"), "no answer could be good");
                return None;
            }
            target.expected_status = statuses.0.iter().map(|status| status.0.clone()).collect();
        }
        if let Some(redirects) = raw.max_redirects {
            if redirects > HttpTarget::MOST_REDIRECTS {
                let accepted = format!("0 to {}", HttpTarget::MOST_REDIRECTS);
                let key = table.child("max_redirects");
                self.refuse_policy(&key, &redirects.to_string(), OUT_OF_BOUNDS, &accepted);
                return None;
            }
            target.max_redirects = redirects;
        }
        if let Some(path) = &raw.unix_socket {
            let key = table.child("unix_socket");
            if let Err(error) = target.set_unix_socket(path.clone()) {
                self.refuse_socket(&key, &error);
                return None;
            }
            // The host of the URL is then only a name, and often made up.
            if target.url.is_tls() && raw.server_name.is_none() {
                self.refuse_with(
                    &key,
                    format!("`{key}` with https needs `server_name`"),
                    "the host of the URL is not connected to",
                    &["such as: server_name = \"app.internal\", the name in the certificate"],
                );
                return None;
            }
            if raw.dns_timeout.is_some() {
                self.refuse_stray(&table.child("dns_timeout"), "no name is looked up");
                return None;
            }
        }
        if let Some(size) = raw.max_body {
            let key = table.child("max_body");
            let fits = usize::try_from(size.0)
                .ok()
                .filter(|_| (1..=HttpTarget::LARGEST_BODY).contains(&size.0));
            let Some(bytes) = fits else {
                self.refuse_policy(&key, &size.0.to_string(), OUT_OF_BOUNDS, "1 byte to 16MiB");
                return None;
            };
            target.max_body = bytes;
        }
        self.dns_timeout(table, raw.dns_timeout, timeout, &mut target.dns_timeout)?;
        let tls = Tls {
            ca_file: &raw.ca_file,
            client_cert: &raw.client_cert,
            client_key: &raw.client_key,
            server_name: &raw.server_name,
        };
        // A redirect may lead to https: whom to trust there can be said.
        let trust_only = !target.url.is_tls() && target.max_redirects > 0;
        target.tls = self.tls(table, &tls, target.url.is_tls(), trust_only)?;
        Some(target)
    }

    /// What is sent: headers and body.
    fn request(&mut self, table: &Key, raw: &raw::Http, target: &mut HttpTarget) -> Option<()> {
        for (name, value) in raw.headers.iter().flatten() {
            match Header::try_new(name, value) {
                Ok(header) => target.headers.push(header),
                Err(error) => {
                    let key = table.child("headers").named(name);
                    self.refuse_secret(&key, format!("`{key}` cannot be sent"), error.to_string());
                    return None;
                }
            }
        }
        let Some(body) = &raw.body else { return Some(()) };
        let key = table.child("body");
        if body.len() > MAX_SENT {
            self.refuse_secret(&key, format!("`{key}` is longer than 64KiB"), "too long to send");
            return None;
        }
        // A server may ignore it, and a person would not see that.
        if matches!(target.method.as_str(), "GET" | "HEAD") {
            self.refuse_secret(
                &key,
                format!("`{key}` does not belong to {}", target.method),
                "of no use here; such as: method = \"POST\"",
            );
            return None;
        }
        target.body = RequestBody(body.clone().into_bytes());
        Some(())
    }

    pub(super) fn tcp(
        &mut self,
        table: &Key,
        raw: &raw::Tcp,
        timeout: Option<Duration>,
    ) -> Option<TcpTarget> {
        let address =
            self.need(table, "address", raw.address.as_ref(), "address = \"127.0.0.1:5432\"")?;
        let target = TcpTarget::try_new(&address).map_err(|error| {
            let key = table.child("address");
            let accepted = "accepted: a host and a port, such as \"127.0.0.1:5432\"";
            let message = format!("`{key}` is not an address");
            self.refuse_with(&key, message, error.to_string(), &[accepted]);
        });
        let mut target = target.ok()?;
        let tls = Tls {
            ca_file: &raw.ca_file,
            client_cert: &raw.client_cert,
            client_key: &raw.client_key,
            server_name: &raw.server_name,
        };
        let spoken = raw.tls == Some(true);
        target.tls = Some(self.tls(table, &tls, spoken, false)?).filter(|_| spoken);
        self.dns_timeout(table, raw.dns_timeout, timeout, &mut target.dns_timeout)?;
        target.exchange = self.exchange(table, raw.send.as_ref(), raw.expect.as_ref())?;
        Some(target)
    }

    pub(super) fn unix(&mut self, table: &Key, raw: &raw::Unix) -> Option<UnixTarget> {
        let path = self.need(table, "path", raw.path.as_ref(), "path = \"/run/app.sock\"")?;
        let target = UnixTarget::try_new(path);
        let mut target =
            target.map_err(|error| self.refuse_socket(&table.child("path"), &error)).ok()?;
        target.exchange = self.exchange(table, raw.send.as_ref(), raw.expect.as_ref())?;
        Some(target)
    }

    pub(super) fn dns(&mut self, table: &Key, raw: &raw::Dns) -> Option<DnsTarget> {
        let name = self.need(table, "name", raw.name.as_ref(), "name = \"db.internal\"")?;
        let name = DnsName::try_new(&name).map_err(|error| {
            let key = table.child("name");
            self.refuse(&key, format!("`{key}` cannot be asked for"), error.to_string());
        });
        let mut target = DnsTarget::new(name.ok()?);
        if let Some(word) = &raw.r#type {
            let Ok(record) = word.parse() else {
                let known: Vec<_> = RecordType::ALL.iter().map(|record| record.as_str()).collect();
                let key = table.child("type");
                self.refuse_unknown(&key, format!("`{key}` cannot be `{word}`"), word, &known);
                return None;
            };
            target.record = record;
        }
        if let Some(server) = &raw.server {
            let Ok(server) = DnsTarget::parse_server(server) else {
                let accepted = "an address such as `192.0.2.53` or `[2001:db8::53]:5353`";
                self.refuse_policy(&table.child("server"), server, "not an address", accepted);
                return None;
            };
            target.server = Some(server);
        } else if !target.record.is_address() {
            let key = table.child("type");
            let message = format!("`{key}` needs `server`");
            let label = "the host's own resolver knows addresses alone";
            self.refuse_with(&key, message, label, &["such as: server = \"192.0.2.53\""]);
            return None;
        }
        for (index, value) in raw.expect.iter().flat_map(|values| &values.0).enumerate() {
            match DnsTarget::normal(target.record, value) {
                Ok(value) => target.expect.push(value),
                Err(error) => {
                    let key = table.child("expect").item(index);
                    let message = format!("`{key}` can never be an answer");
                    self.refuse(&key, message, error.to_string());
                    return None;
                }
            }
        }
        Some(target)
    }

    fn exchange(
        &mut self,
        table: &Key,
        send: Option<&String>,
        expect: Option<&String>,
    ) -> Option<Exchange> {
        let mut exchange = Exchange::default();
        if let Some(text) = send {
            if text.len() > MAX_SENT {
                let key = table.child("send");
                self.refuse_secret(
                    &key,
                    format!("`{key}` is longer than 64KiB"),
                    "too long to send",
                );
                return None;
            }
            exchange.send = text.clone().into_bytes();
        }
        if let Some(text) = expect {
            let pattern = Pattern::try_new(text).map_err(|error| {
                let key = table.child("expect");
                self.refuse(
                    &key,
                    format!("`{key}` is not a regular expression"),
                    error.to_string(),
                );
            });
            exchange.expect = Some(pattern.ok()?);
        }
        Some(exchange)
    }

    /// What is said about TLS, where it is spoken; `trust_only` where only `ca_file` can be of use.
    fn tls(
        &mut self,
        table: &Key,
        raw: &Tls<'_>,
        spoken: bool,
        trust_only: bool,
    ) -> Option<TlsOptions> {
        let given = [
            ("ca_file", raw.ca_file.is_some()),
            ("client_cert", raw.client_cert.is_some()),
            ("client_key", raw.client_key.is_some()),
            ("server_name", raw.server_name.is_some()),
        ];
        let stray = given
            .into_iter()
            .find(|(name, given)| *given && !spoken && !(trust_only && *name == "ca_file"));
        if let Some((name, _)) = stray {
            self.refuse_stray(&table.child(name), "no TLS is spoken");
            return None;
        }
        for (one, other) in [("client_cert", "client_key"), ("client_key", "client_cert")] {
            let has = |wanted| given.contains(&(wanted, true));
            if has(one) && !has(other) {
                let key = table.child(one);
                let message = format!("`{key}` needs `{other}`");
                let example = format!("such as: {other} = \"/etc/evenkeel/client.pem\"");
                self.refuse_with(&key, message, "one without the other", &[&example]);
                return None;
            }
        }
        let mut options = TlsOptions::default();
        if let Some(path) = raw.ca_file {
            options.ca_file = Some(self.absolute(&table.child("ca_file"), path.clone())?);
        }
        if let (Some(certificate), Some(key)) = (raw.client_cert, raw.client_key) {
            let certificate = self.absolute(&table.child("client_cert"), certificate.clone());
            let key = self.absolute(&table.child("client_key"), key.clone());
            options.client = Some(ClientCertificate { certificate: certificate?, key: key? });
        }
        if let Some(name) = raw.server_name {
            match TlsName::try_new(name) {
                Ok(name) => options.server_name = Some(name),
                Err(_) => {
                    let key = table.child("server_name");
                    let accepted = "a host name or an address, as the certificate has it";
                    self.refuse_policy(&key, name, "cannot be in a certificate", accepted);
                    return None;
                }
            }
        }
        Some(options)
    }

    /// `None` after a problem.
    fn dns_timeout(
        &mut self,
        table: &Key,
        given: Option<Lasting>,
        timeout: Option<Duration>,
        into: &mut Option<Duration>,
    ) -> Option<()> {
        if given.is_none() {
            return Some(());
        }
        let own = self.above_zero(table, "dns_timeout", given)?;
        if let Some(timeout) = timeout.filter(|timeout| own > *timeout) {
            let key = table.child("dns_timeout");
            self.refuse_with(
                &key,
                format!("`{key}` never has an effect"),
                format!("the whole attempt ends after {}", plain(timeout)),
                &["needed: dns_timeout ≤ timeout"],
            );
            return None;
        }
        *into = Some(own);
        Some(())
    }

    /// Refuses a URL, without showing the one that holds a password.
    fn refuse_url(&mut self, key: &Key, url: &str, error: &AddressError) {
        let message = format!("`{key}` is not a URL to ask for");
        if url.contains('@') {
            self.refuse_secret(key, message, error.to_string());
            return;
        }
        let accepted = "accepted: an address such as \"http://127.0.0.1:8080/health\"";
        self.refuse_with(key, message, error.to_string(), &[accepted]);
    }

    /// Refuses a value that may be a secret: its place is said, and what stands there is not shown.
    pub(super) fn refuse_secret(&mut self, key: &Key, message: String, label: impl Into<String>) {
        let place = self.tree.place_of_value(key);
        let problem = Problem::new(message).key_is(key).at(place).conceal().label(label);
        self.tree.add(key, problem);
    }

    fn refuse_socket(&mut self, key: &Key, error: &AddressError) {
        let accepted = "accepted: a path from `/` on, such as \"/run/app.sock\"";
        self.refuse_with(key, format!("`{key}` is no socket"), error.to_string(), &[accepted]);
    }

    fn refuse_stray(&mut self, key: &Key, why: &str) {
        self.refuse(key, format!("`{key}` is of no use here"), why);
    }
}
