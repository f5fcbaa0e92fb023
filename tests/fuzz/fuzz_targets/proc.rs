//! libFuzzer on [`evenkeel_fuzz::proc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::proc(data));
