use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_agent::Status;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::agent::client::{self, ClientError};

/// How often an agent is asked that tells nothing by itself.
const POLL: Duration = Duration::from_secs(1);
/// How often one that does is asked all the same: it tells of changes, and not of every figure.
const LOOK: Duration = Duration::from_secs(5);
/// A burst of changes is looked at once.
const BURST: Duration = Duration::from_millis(200);

/// What became known of the agent.
#[derive(Debug)]
pub(super) enum News {
    Status(Box<Status>),
    /// It does not answer, and why.
    Gone(String),
}

/// The agent's word, as often as it changes.
#[derive(Debug)]
pub(super) struct Feed(mpsc::Receiver<News>);

impl Feed {
    /// Follows the agent behind `socket`, also over its restarts.
    pub(super) fn follow(socket: PathBuf) -> Self {
        let (news, feed) = mpsc::channel(1);
        tokio::spawn(async move {
            while !news.is_closed() {
                follow(&socket, &news).await;
                sleep(POLL).await;
            }
        });
        Self(feed)
    }

    pub(super) async fn next(&mut self) -> Option<News> {
        self.0.recv().await
    }
}

/// Looks at the agent, and again at each sign of a change, until it goes away or has no signs to give.
async fn follow(socket: &Path, news: &mpsc::Sender<News>) {
    // The stream first: what changes between the look and it would not be told.
    let stream = client::stream(socket, "/api/stream").await;
    if look(socket, news).await.is_err() {
        return;
    }
    let Ok(mut stream) = stream else { return };
    loop {
        match timeout(LOOK, stream.changed()).await {
            // The agent ends, and with it the stream; the next try says how it is.
            Ok(false) => return,
            Ok(true) => sleep(BURST).await,
            Err(_) => {}
        }
        if look(socket, news).await.is_err() {
            return;
        }
    }
}

async fn look(socket: &Path, news: &mpsc::Sender<News>) -> Result<(), ClientError> {
    let status = client::get(socket, "/api/status").await;
    let (told, result) = match status {
        Ok(status) => (News::Status(Box::new(status)), Ok(())),
        Err(error) => (News::Gone(error.to_string()), Err(error)),
    };
    // Where nobody takes it, the program ends.
    let _ = news.send(told).await;
    result
}
