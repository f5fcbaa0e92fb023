//! `evenkeel status --watch`: what the agent says of the host, again and again, in place.
//!
//! Plain escape sequences, as every terminal of the last thirty years obeys them: a library for whole-screen programs is sixty
//! crates for what takes three files here.

mod feed;
mod screen;
mod view;

use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use self::feed::{Feed, News};
use self::screen::Screen;
use self::view::View;
use super::host::stop_signal;
use super::runtime::block_on;
use super::{control_socket, status};
use crate::{Common, Exit, Failure};

/// How often the view says how late it is.
const TICK: Duration = Duration::from_secs(1);
/// What Ctrl-Z sends; tokio has no name for it.
const SUSPEND: i32 = 20;

/// Follows the running agent until Ctrl-C, `q` or SIGTERM; where the output is no terminal, says once what it says.
pub fn watch(common: &Common) -> Result<Exit, Failure> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if common.json || is_dumb || !std::io::stdout().is_terminal() {
        return status(common);
    }
    let socket = control_socket(common)?;
    let failed = |error: std::io::Error| Failure::refused(&error);
    block_on(async {
        let mut feed = Feed::follow(socket);
        let mut stop = std::pin::pin!(stop_signal()?);
        let mut resized = signal(SignalKind::window_change()).map_err(failed)?;
        let mut suspended = signal(SignalKind::from_raw(SUSPEND)).map_err(failed)?;
        let mut hung_up = signal(SignalKind::hangup()).map_err(failed)?;
        let mut tick = tokio::time::interval(TICK);
        let mut screen = Screen::open().map_err(failed)?;
        let mut keys = Screen::keys();
        let mut view = View::new(Screen::has_colours());
        loop {
            screen.draw(&view.lines(screen.size(), Timestamp::now())).map_err(failed)?;
            tokio::select! {
                Some(news) = feed.next() => match news {
                    News::Status(status) => view.seen(*status),
                    News::Gone(why) => view.gone(why, Timestamp::now()),
                },
                _ = tick.tick() => {}
                _ = resized.recv() => screen.measure(),
                _ = suspended.recv() => screen.suspend().map_err(failed)?,
                Some(()) = keys.recv() => break,
                () = &mut stop => break,
                _ = hung_up.recv() => break,
            }
        }
        drop(screen);
        Ok(view.exit())
    })
}
