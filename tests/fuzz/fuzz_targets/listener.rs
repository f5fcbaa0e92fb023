//! libFuzzer on [`evenkeel_fuzz::listener`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::listener(data));
