use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What a program is given on its standard input.
#[derive(Debug)]
pub(crate) struct Input<Pipe> {
    pipe: Option<Pipe>,
    bytes: Vec<u8>,
    written: usize,
}

impl<Pipe: AsyncWrite + Unpin> Input<Pipe> {
    pub(crate) fn new(pipe: Option<Pipe>, bytes: &[u8]) -> Self {
        Self { pipe, bytes: bytes.to_vec(), written: 0 }
    }

    /// Writes all of it and closes the pipe, then never returns again. May be cancelled without loss.
    ///
    /// A program need not read what it is given: that it closed its end is no failure.
    pub(crate) async fn pump(&mut self) {
        while let Some(pipe) = &mut self.pipe {
            match pipe.write(&self.bytes[self.written..]).await {
                Ok(0) | Err(_) => self.pipe = None,
                Ok(length) => self.written += length,
            }
        }
        std::future::pending::<()>().await;
    }
}
