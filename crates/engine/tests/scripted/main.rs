//! The engine on a scripted host in virtual time: no clock, no file, no socket.

mod basics;
mod host;
mod leak;
mod orders;
mod parts;
