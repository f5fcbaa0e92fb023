//! The engine on a scripted host in virtual time: no clock, no file, no socket.

mod basics;
mod cut_off;
mod dependencies;
mod flapping;
mod host;
mod laws;
mod leak;
mod machine;
mod me;
mod orders;
mod others;
mod parts;
mod refusals;
mod sampled;
mod slices;
mod storm;
