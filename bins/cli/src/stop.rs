use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

/// Whether somebody wants the work to end; it is asked between two steps, so that nothing is left half done.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on SIGINT and SIGTERM no longer end the program, but ask it to end.
    pub fn at_signals() -> Result<Self, Failure> {
        let refused = |error| Failure::refused(&error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(refused)?;
        let stop = Self::default();
        let asked = stop.0.clone();
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        drop(guard);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                });
                asked.store(true, Ordering::Relaxed);
            })
            .map_err(refused)?;
        Ok(stop)
    }

    /// Whether the work goes on.
    pub fn goes_on(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
