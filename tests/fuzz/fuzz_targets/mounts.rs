//! libFuzzer on [`evenkeel_fuzz::mounts`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::mounts(data));
