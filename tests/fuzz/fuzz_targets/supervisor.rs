//! libFuzzer on [`evenkeel_fuzz::supervisor`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::supervisor(data));
