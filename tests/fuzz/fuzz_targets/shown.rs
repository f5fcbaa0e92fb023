//! libFuzzer on [`evenkeel_fuzz::shown`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::shown(data));
