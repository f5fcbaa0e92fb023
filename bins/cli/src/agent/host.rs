use std::cell::{Cell, RefCell};
use std::future::Future;
use std::time::Duration;

use evenkeel_agent::Status;
use evenkeel_agent::{Agent, Notice, Until};
use evenkeel_config::Settings;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::runtime::block_on;
use crate::bar::{Bar, TURN};
use crate::{Common, Exit, Failure, print_remark};

/// Runs the agent in the foreground until SIGTERM or Ctrl-C. `again` reads the settings anew at each SIGHUP.
pub fn run(
    settings: Settings,
    observe: bool,
    again: impl Fn() -> Result<Settings, Failure> + Send + 'static,
) -> Result<Exit, Failure> {
    for advice in settings.advice() {
        tracing::warn!("{advice}");
    }
    block_on(async {
        let inbox = reloads(again)?;
        let agent = Agent {
            settings,
            part: false,
            observe,
            seed: seed(),
            boot_id: boot_id(),
            until: Until::Stopped,
            listener: None,
            watchdog: watchdog(),
            notify: notify_systemd,
        };
        let stop = stop_signal()?;
        evenkeel_agent::run(agent, inbox, stop).await.map_err(|error| Failure::refused(&error))?;
        Ok(Exit::Holds)
    })
}

/// The settings, read anew at each SIGHUP, or why they were refused.
pub(super) fn reloads(
    again: impl Fn() -> Result<Settings, Failure> + Send + 'static,
) -> Result<mpsc::Receiver<Result<Box<Settings>, String>>, Failure> {
    let (reloads, inbox) = mpsc::channel(1);
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| Failure::refused(&error))?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let settings = again().map(Box::new).map_err(|failure| failure.to_string());
            if reloads.send(settings).await.is_err() {
                break;
            }
        }
    });
    Ok(inbox)
}

/// How one pass is made.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Whether the settings are only a part of the host's: what is known of the rest is left as it is.
    pub part: bool,
    /// Write nothing.
    pub observe: bool,
    /// It ends after this long at the latest.
    pub limit: Duration,
}

/// One pass of the same agent: it ends when everything is settled, and opens no door. A bar shows how far it is.
pub fn pass(common: &Common, mut settings: Settings, how: Pass) -> Result<Status, Failure> {
    let Pass { part, observe, limit } = how;
    settings.agent.listen = None;
    settings.agent.socket = None;
    settings.agent.grace = Duration::ZERO;
    for check in &mut settings.checks {
        check.initial_delay = Duration::ZERO;
    }
    for rule in &mut settings.permissions {
        rule.watch = false;
    }
    block_on(async {
        let (_keep, reloads) = mpsc::channel(1);
        let stop = stop_signal()?;
        let progress = RefCell::new((Bar::new(common, "looking"), (0, 0)));
        let agent = Agent {
            settings,
            part,
            observe,
            seed: seed(),
            boot_id: boot_id(),
            until: Until::Settled(limit),
            listener: None,
            // While a target hangs nothing happens, and that is when a person wants to see something.
            watchdog: Some(TURN),
            notify: |notice| show(&mut progress.borrow_mut(), notice),
        };
        let interrupted = Cell::new(false);
        let stop = async {
            stop.await;
            interrupted.set(true);
        };
        let ran = evenkeel_agent::run(agent, reloads, stop).await;
        let status = ran.map_err(|error| Failure::refused(&error))?;
        let (_, (done, of)) = *progress.borrow();
        if interrupted.get() {
            print_remark(format_args!("evenkeel: interrupted; {done} of {of} were done with"));
        }
        Ok(status)
    })
}

/// Shows how far a pass is.
fn show((bar, known): &mut (Bar, (usize, usize)), notice: Notice) {
    if let Notice::Settled { done, of } = notice {
        *known = (done, of);
    }
    let (done, of) = *known;
    bar.show(done as u64, of as u64);
}

/// Ready at the first SIGTERM or SIGINT.
pub fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::refused(&error))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| Failure::refused(&error))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// This boot's id; the empty one where the kernel gives none, so that earlier runs count as of another boot.
#[expect(clippy::disallowed_methods, reason = "/proc is the kernel's")]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A seed that differs from start to start; only the demo needs the same chance twice.
pub(super) fn seed() -> u64 {
    evenkeel_agent::HostClock.now().as_nanos() ^ u64::from(std::process::id())
}

/// Half of the time that systemd waits for a sign of life, if it waits for one.
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn notify_systemd(notice: Notice) {
    let states: &[NotifyState<'_>] = match notice {
        Notice::Ready => &[NotifyState::Ready, NotifyState::Status("keeping an even keel")],
        Notice::Reloading => &[NotifyState::Reloading, NotifyState::Status("taking new settings")],
        Notice::Alive => &[NotifyState::Watchdog],
        // Only a pass ever is, and no service manager waits for one.
        Notice::Settled { .. } => &[],
        Notice::Stopping => {
            &[NotifyState::Stopping, NotifyState::Status("letting running work end")]
        }
    };
    // Without a NOTIFY_SOCKET nobody wants to know.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}
