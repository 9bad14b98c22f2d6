#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promptgate_translate_fuzz::run("model_ids", data));
