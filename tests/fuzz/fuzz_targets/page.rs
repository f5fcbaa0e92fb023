//! libFuzzer on [`evenkeel_fuzz::page`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::page(data));
