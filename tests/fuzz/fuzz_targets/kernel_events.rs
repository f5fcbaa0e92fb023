//! libFuzzer on [`evenkeel_fuzz::kernel_events`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::kernel_events(data));
