//! libFuzzer on [`evenkeel_fuzz::tmux`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::tmux(data));
