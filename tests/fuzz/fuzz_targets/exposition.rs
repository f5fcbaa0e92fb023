//! libFuzzer on [`evenkeel_fuzz::exposition`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::exposition(data));
