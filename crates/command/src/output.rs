use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use tokio::io::{AsyncRead, AsyncReadExt};

const CHUNK: usize = 8 * 1024;
/// What may still lie in a pipe when its writer has ended (`pipe(7)`: 64 KiB, 1 MiB at most for other users).
const PIPE_LIMIT: usize = 1024 * 1024;

/// One output stream: the first `limit` bytes are kept, the rest is read so that the writer does not block, and dropped.
#[derive(Debug)]
pub(crate) struct Output<Pipe> {
    pipe: Option<Pipe>,
    limit: usize,
    kept: Vec<u8>,
    truncated: bool,
}

impl<Pipe: AsyncRead + AsFd + Unpin> Output<Pipe> {
    pub(crate) fn new(pipe: Option<Pipe>, limit: usize) -> Self {
        Self { pipe, limit, kept: Vec::new(), truncated: false }
    }

    /// Reads until the other side closes it, then never returns again. May be cancelled without loss.
    pub(crate) async fn pump(&mut self) {
        // Not in the future itself, which is moved about.
        let mut chunk = vec![0; CHUNK];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => self.pipe = None,
                Ok(length) => self.keep(&chunk[..length]),
            }
        }
        std::future::pending::<()>().await;
    }

    /// Takes what is in the pipe now, without waiting for those who inherited its other end.
    ///
    /// Goes past tokio, which may not have heard yet that there is something to read.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        let mut drained = 0;
        while let Some(pipe) = self.pipe.as_ref().filter(|_| drained < PIPE_LIMIT) {
            match nix::unistd::read(pipe, &mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    drained += length;
                    self.keep(&chunk[..length]);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> (Vec<u8>, bool) {
        (self.kept, self.truncated)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit - self.kept.len();
        self.truncated |= bytes.len() > room;
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
