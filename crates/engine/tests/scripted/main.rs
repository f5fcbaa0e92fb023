//! The engine on a scripted host in virtual time: no clock, no file, no socket.

mod basics;
mod dependencies;
mod flapping;
mod host;
mod machine;
mod me;
mod orders;
mod others;
mod refusals;
mod storm;
