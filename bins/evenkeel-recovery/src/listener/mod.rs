//! `supervisor-listener`: an event listener of supervisord in the place of superlance's memmon and httpok.
//!
//! Their options become ordinary settings; the same agent as everywhere runs them, beside the event protocol.

mod args;
mod httpok;
mod memmon;
mod run;
mod size;
mod supervisor;

pub(crate) use args::Listener;
pub(crate) use run::run;
