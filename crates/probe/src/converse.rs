use std::error::Error;
use std::io;

use evenkeel_shown::excerpt;
use evenkeel_shown::said::NetworkCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::prober::{Attempt, Step};
use crate::shown::excerpt_of_bytes;
use crate::{Exchange, FailureClass, Outcome, Pattern};

/// How much of an answer is read. Each piece that arrives is searched together with those before it, so that this also bounds the work
/// that a peer can cause by sending byte by byte.
const ANSWER_LIMIT: usize = 16 * 1024;
const SHOWN_CHARS: usize = 80;

/// Says what is to be said, and reads until what is expected has come.
pub(crate) async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    exchange: &Exchange,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    if !exchange.send.is_empty() {
        attempt.step = Step::Send;
        stream.write_all(&exchange.send).await.map_err(|error| of_io(&error))?;
        stream.flush().await.map_err(|error| of_io(&error))?;
    }
    if !exchange.listens() {
        return Ok(());
    }
    let only_wishes = exchange.only_wishes();
    attempt.step = if only_wishes { Step::WishedAnswer } else { Step::Answer };
    let mut answer = Vec::new();
    let complete = loop {
        let mut piece = [0; 1024];
        let room = piece.len().min(ANSWER_LIMIT - answer.len());
        match stream.read(&mut piece[..room]).await {
            Ok(0) => break exchange.expect.is_none() && !answer.is_empty(),
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) => match of_io(&error) {
                Outcome::Bad(failure) if only_wishes && failure.class == FailureClass::Refused => {
                    break !answer.is_empty();
                }
                failed => return Err(failed),
            },
        }
        let complete = match &exchange.expect {
            Some(pattern) => pattern.is_found_in(&answer),
            None => answer.contains(&b'\n'),
        };
        if complete || answer.len() == ANSWER_LIMIT {
            break complete || exchange.expect.is_none();
        }
    };
    if only_wishes && answer.is_empty() {
        return Ok(());
    }
    if exchange.keep_response {
        attempt.facts.set("response", String::from_utf8_lossy(&answer).into_owned());
    }
    if complete {
        return Ok(());
    }
    if answer.is_empty() {
        return Err(Outcome::bad(FailureClass::Refused, NetworkCode::ClosedWithoutAnswer));
    }
    let pattern = exchange.expect.as_ref().map(Pattern::as_str).unwrap_or_default();
    let not_found = NetworkCode::NotFoundInAnswer {
        pattern: excerpt(pattern, SHOWN_CHARS),
        bytes: answer.len(),
        answer: excerpt_of_bytes(&answer, SHOWN_CHARS),
    };
    Err(Outcome::bad(FailureClass::Body, not_found))
}

/// What an error of an open connection says about the other side.
pub(crate) fn of_io(error: &io::Error) -> Outcome {
    let of_tls = error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>);
    // With TLS 1.3 a server refuses a client's certificate, or the lack of one, only after the handshake.
    let class = if of_tls { FailureClass::Tls } else { FailureClass::Refused };
    Outcome::bad(class, NetworkCode::Broke { error: error.to_string() })
}
