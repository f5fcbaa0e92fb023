//! libFuzzer on [`evenkeel_fuzz::journal_rows`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::journal_rows(data));
