//! libFuzzer on [`evenkeel_fuzz::redirect`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::redirect(data));
