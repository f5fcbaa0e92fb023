//! libFuzzer on [`evenkeel_fuzz::acl`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::acl(data));
