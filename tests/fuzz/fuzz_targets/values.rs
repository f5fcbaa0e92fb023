//! libFuzzer on [`evenkeel_fuzz::values`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::values(data));
