//! libFuzzer on [`evenkeel_fuzz::banner`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::banner(data));
