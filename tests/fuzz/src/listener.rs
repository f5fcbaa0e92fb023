use evenkeel_supervisord::listener::{Decoder, Event};

/// What supervisord writes to an event listener. The first byte says in pieces of what length it arrives.
///
/// What is found does not depend on where the bytes were cut; after an error nothing is found any more.
pub fn listener(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    // supervisord waits for an answer: what comes in one piece is of one event.
    let whole = decoded(stream.chunks(1));
    let cut = decoded(stream.chunks(usize::from(*piece).max(1)));
    let common = whole.len().min(cut.len());
    assert_eq!(whole[..common], cut[..common], "in pieces of {piece}");
}

fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    let mut lost = false;
    for piece in pieces {
        match decoder.take(piece) {
            Ok(event) => {
                assert!(!lost, "found {event:?} after an error");
                events.extend(event);
            }
            Err(error) => {
                super::assert_harmless(&error.to_string());
                lost = true;
            }
        }
    }
    events
}
