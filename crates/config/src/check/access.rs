use std::net::SocketAddr;

use super::Checker;
use crate::key::Key;
use crate::raw;
use crate::settings::{Access, TlsFiles};

/// Who may read the page. An address that others reach needs a token, or the word that it is meant to be open.
pub(super) fn access(
    checker: &mut Checker,
    raw: &raw::Agent,
    listen: Option<SocketAddr>,
) -> Option<Access> {
    let rule = Key::of(&["agent"]);
    let mut absolute = |key: Key, path: &Option<std::path::PathBuf>| match path {
        Some(path) => checker.absolute(&key, path.clone()).map(Some),
        None => Some(None),
    };
    let token_file = absolute(rule.child("token_file"), &raw.token_file);
    let table = rule.child("tls");
    let (certificate, key) = match &raw.tls {
        Some(tls) => (
            absolute(table.child("certificate"), &tls.certificate),
            absolute(table.child("key"), &tls.key),
        ),
        None => (Some(None), Some(None)),
    };
    let tls = match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) if raw.tls.is_none() => None,
        (certificate, _) => {
            let missing = if certificate.is_none() { "certificate" } else { "key" };
            let message = format!("`{table}` lacks `{missing}`");
            let help = "accepted: { certificate = \"PATH\", key = \"PATH\" }, both in PEM";
            checker.refuse_with(&table, message, "TLS takes a certificate and its key", &[help]);
            return None;
        }
    };
    let (token_file, open) = (token_file?, raw.open.unwrap_or(false));
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback())
        && token_file.is_none()
        && !open
    {
        checker.refuse_with(
            &rule.child("listen"),
            format!("`agent.listen` = `{address}` is reached by other hosts, and nobody is asked who he is"),
            "the page names every target, path and reason of this host",
            &[
                "accepted: an address of this host alone, such as 127.0.0.1:9720",
                "or `agent.token_file = \"PATH\"`, a file of mode 0600 with a token that readers must send",
                "or `agent.open = true`, if everybody who reaches it may read it",
            ],
        );
        return None;
    }
    Some(Access { token_file, tls, open })
}
