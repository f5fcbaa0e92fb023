//! libFuzzer on [`evenkeel_fuzz::imports`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::imports(data));
