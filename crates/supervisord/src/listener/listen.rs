use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::listener::{Decoder, Event, ProtocolError};

/// "I wait for an event."
const READY: &[u8] = b"READY\n";
/// "It is seen to": two bytes of result, without a line's end, and ready for the next one.
const SEEN: &[u8] = b"RESULT 2\nOKREADY\n";
/// As much as a pipe gives at once.
const PIECE: usize = 4096;

/// Why a listener cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// What comes is not the event protocol.
    #[error("this is not supervisord's event protocol")]
    Protocol(#[from] ProtocolError),
    /// The pipe was closed in the middle of an event.
    #[error("supervisord broke off in the middle of an event")]
    Cut,
    /// The pipe to or from supervisord failed.
    #[error("cannot talk to supervisord over standard input and output")]
    Io(#[from] io::Error),
}

/// Speaks the protocol until supervisord closes `input` between two events, which is how it ends a listener.
///
/// `seen` is told of each event before it is answered, and must return at once: work happens elsewhere. No event is ever refused
/// (`FAIL`): supervisord would bring it again and again.
pub async fn listen(
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    mut seen: impl FnMut(Event),
) -> Result<(), ListenError> {
    let mut decoder = Decoder::new();
    let mut piece = [0; PIECE];
    say(&mut output, READY).await?;
    loop {
        match input.read(&mut piece).await? {
            0 if decoder.is_between_events() => return Ok(()),
            0 => return Err(ListenError::Cut),
            read => {
                if let Some(event) = decoder.take(&piece[..read])? {
                    seen(event);
                    say(&mut output, SEEN).await?;
                }
            }
        }
    }
}

/// A pipe that nobody reads any more is the end, which the next read says better.
async fn say(output: &mut (impl AsyncWrite + Unpin), words: &[u8]) -> io::Result<()> {
    let said = async {
        output.write_all(words).await?;
        output.flush().await
    };
    match said.await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const TICK: &[u8] =
        b"ver:3.0 server:ek serial:4 pool:p poolserial:2 eventname:TICK_5 len:15\nwhen:1201063880";

    async fn expect(stream: &mut DuplexStream, words: &[u8]) {
        let mut said = vec![0; words.len()];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(said, words, "{:?}", String::from_utf8_lossy(&said));
    }

    /// A listener beside a supervisord that is played by `play`; how the listener ended, and what it saw.
    async fn played<Play: Future<Output = ()>>(
        play: impl FnOnce(DuplexStream, DuplexStream) -> Play,
    ) -> (Result<(), ListenError>, Vec<Event>) {
        let (input, to_listener) = duplex(64);
        let (output, from_listener) = duplex(64);
        let mut events = Vec::new();
        let (ended, ()) = tokio::join!(
            listen(input, output, |event| events.push(event)),
            play(to_listener, from_listener)
        );
        (ended, events)
    }

    #[tokio::test]
    async fn each_event_is_answered_and_the_end_of_the_pipe_is_the_end() {
        let (ended, events) = played(|mut to, mut from| async move {
            expect(&mut from, b"READY\n").await;
            for _ in 0..3 {
                to.write_all(TICK).await.unwrap();
                expect(&mut from, b"RESULT 2\nOKREADY\n").await;
            }
            drop(to);
            let mut rest = Vec::new();
            from.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"", "nothing else is ever written");
        })
        .await;
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(events, vec![Event::Tick; 3]);
    }

    #[tokio::test]
    async fn a_pipe_that_is_cut_within_an_event_is_an_error() {
        let (ended, events) = played(|mut to, mut from| async move {
            expect(&mut from, b"READY\n").await;
            to.write_all(&TICK[..TICK.len() - 3]).await.unwrap();
        })
        .await;
        assert!(matches!(ended, Err(ListenError::Cut)), "{ended:?}");
        assert_eq!(events, []);
    }

    #[tokio::test]
    async fn a_supervisord_that_reads_no_more_is_as_good_as_gone() {
        let (ended, events) = played(|mut to, from| async move {
            drop(from);
            // Written before the listener notices that its answers go nowhere.
            let _ = to.write_all(TICK).await;
        })
        .await;
        assert!(ended.is_ok(), "{ended:?}");
        assert!(events.len() <= 1);
    }

    #[tokio::test]
    async fn garbage_ends_it_without_an_answer() {
        let (ended, _) = played(|mut to, mut from| async move {
            expect(&mut from, b"READY\n").await;
            to.write_all(b"garbage\n").await.unwrap();
            let mut rest = Vec::new();
            from.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"");
        })
        .await;
        assert!(matches!(ended, Err(ListenError::Protocol(_))), "{ended:?}");
    }
}
