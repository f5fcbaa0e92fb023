//! The other side of supervisord's event listener protocol: what a program speaks that supervisord runs as `[eventlistener:…]`.
//!
//! ```text
//! listener                          supervisord
//! READY\n                      ──►
//!                              ◄──  ver:3.0 server:s serial:4 pool:p poolserial:2 eventname:TICK_5 len:15\nwhen:1201063880
//! RESULT 2\nOKREADY\n          ──►
//! ```
//!
//! supervisord sends the next event only after the answer, keeps ten more (`buffer_size`) for a listener that is busy, and drops
//! the oldest beyond that: so [`listen`] answers at once, and whatever an event leads to happens beside it. A listener that
//! writes one wrong byte gets no event any more, which is why nothing else may write to its standard output.
//!
//! Source: <http://supervisord.org/events.html> and `supervisor/dispatchers.py`, `supervisor/process.py`.

mod decoder;
mod event;
mod listen;

pub use decoder::{Decoder, ProtocolError};
pub use event::{Event, ProgramEvent};
pub use listen::{ListenError, listen};
