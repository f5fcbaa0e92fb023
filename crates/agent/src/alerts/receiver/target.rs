//! A message as what the prober sends: a request, or a command.

use std::path::Path;

use evenkeel_command::CommandSpec;
use evenkeel_config::{Hidden, RECEIVER_VARIABLES, Receiver, ReceiverKind, read_secret};
use evenkeel_probe::{ExecTarget, Header, HttpTarget, RequestBody, Target};
use evenkeel_shown::chain;
use jiff::Timestamp;

use crate::alerts::outbox::Parcel;
use crate::alerts::payload::{self, Source};

const AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));

/// Fails if the receiver's token cannot be read.
pub(super) async fn target(
    receiver: &Receiver,
    message: &[Parcel],
    valid_until: Timestamp,
    source: &Source,
) -> Result<Target, String> {
    match &receiver.kind {
        ReceiverKind::Alertmanager { target, bearer_token_file } => {
            let body = payload::alertmanager(message, valid_until, source).to_string();
            post(target, bearer_token_file.as_deref(), body).await
        }
        ReceiverKind::Webhook { target, bearer_token_file } => {
            let body = payload::webhook(message, &receiver.name, source).to_string();
            post(target, bearer_token_file.as_deref(), body).await
        }
        ReceiverKind::Command { command, user } => {
            let body = payload::webhook(message, &receiver.name, source).to_string();
            Ok(Target::Exec(told(command, user.as_deref(), receiver, message, body)))
        }
    }
}

/// A GET of a dead man's URL.
pub(crate) fn ping(target: &Hidden) -> Target {
    Target::Http(with_headers(target, &[("user-agent", AGENT)]))
}

async fn post(target: &Hidden, token: Option<&Path>, body: String) -> Result<Target, String> {
    let headers = [("user-agent", AGENT), ("content-type", "application/json")];
    let mut target = with_headers(target, &headers);
    if let Some(path) = token {
        let path = path.to_owned();
        // Anew each time: tokens change, and a file may lie on a disk that does not answer.
        let secret = tokio::task::spawn_blocking(move || read_secret(&path)).await;
        let secret = secret.map_err(|error| error.to_string())?.map_err(|error| chain(&error))?;
        let header = Header::try_new("authorization", &format!("Bearer {secret}"));
        target.headers.push(header.map_err(|_| "the token cannot be sent in a header")?);
    }
    target.body = RequestBody(body.into_bytes());
    Ok(Target::Http(target))
}

/// The request with these headers, unless the settings have their own.
fn with_headers(target: &Hidden, headers: &[(&str, &str)]) -> HttpTarget {
    let mut target = target.0.clone();
    let ours = headers.iter().filter_map(|(name, value)| Header::try_new(name, value).ok());
    // The last of a name counts.
    target.headers = ours.chain(std::mem::take(&mut target.headers)).collect();
    target
}

fn told(
    command: &CommandSpec,
    user: Option<&str>,
    receiver: &Receiver,
    message: &[Parcel],
    body: String,
) -> ExecTarget {
    let alert = message.first().map(Parcel::group).unwrap_or_default();
    let status = payload::status(payload::fires(message));
    let values = [receiver.name.clone(), without_nul(alert), status.to_owned()];
    let told = RECEIVER_VARIABLES.into_iter().zip(values);
    let command = told.fold(command.clone(), |command, (name, value)| command.env(name, value));
    let command = CommandSpec { stdin: body.into_bytes(), ..command };
    ExecTarget { user: user.map(str::to_owned), ..ExecTarget::new(command) }
}

/// No variable can hold one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}
