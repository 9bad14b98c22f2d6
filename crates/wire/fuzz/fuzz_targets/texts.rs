#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promptgate_wire_fuzz::run("texts", data));
