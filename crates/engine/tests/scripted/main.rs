//! The engine on a scripted host in virtual time: no clock, no file, no socket.

mod basics;
mod breaker;
mod cut_off;
mod dependencies;
mod detection;
mod flapping;
mod host;
mod ladder;
mod laws;
mod leak;
mod left_overs;
mod machine;
mod me;
mod orders;
mod others;
mod parts;
mod refusals;
mod sampled;
mod slices;
mod storm;
