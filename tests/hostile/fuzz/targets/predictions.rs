#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    mct_hostile::Format::named("predictions").try_out(bytes).ok();
});
