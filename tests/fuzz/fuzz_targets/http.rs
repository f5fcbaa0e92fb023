//! libFuzzer on [`evenkeel_fuzz::http`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::http(data));
