//! Someone at the other end of a socket who says whatever he is told.

use std::cell::OnceCell;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};

use crate::scratch;

struct Peer {
    runtime: Runtime,
    listener: UnixListener,
    scratch: tempfile::TempDir,
}

/// Calls `ask` with the path of a socket at which the first connection is answered by the first of `answers`, and so on; after the
/// last of them by that one. Each is closed when its answer is said.
pub(crate) fn answered<T>(answers: &[&[u8]], ask: impl AsyncFnOnce(&Path) -> T) -> T {
    thread_local! {
        static PEER: OnceCell<Peer> = const { OnceCell::new() };
    }
    PEER.with(|peer| {
        let peer = peer.get_or_init(Peer::new);
        let path = peer.scratch.path().join("socket");
        peer.runtime.block_on(async {
            tokio::select! {
                biased;
                heard = ask(&path) => heard,
                () = peer.speak(answers) => unreachable!("it listens for ever"),
            }
        })
    })
}

impl Peer {
    fn new() -> Self {
        let runtime = runtime();
        let scratch = scratch();
        let _guard = runtime.enter();
        let listener = UnixListener::bind(scratch.path().join("socket")).expect("a socket");
        Self { listener, scratch, runtime }
    }

    async fn speak(&self, answers: &[&[u8]]) {
        let mut next = answers.iter();
        let mut answer: &[u8] = b"";
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { continue };
            answer = next.next().copied().unwrap_or(answer);
            let mut said = [0; 8192];
            // The question first: a socket that is closed with something unread says so to the other side.
            let _ = stream.read(&mut said).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            while let Ok(1..) = stream.read(&mut said).await {}
        }
    }
}

/// A runtime of this thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
