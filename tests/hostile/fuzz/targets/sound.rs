#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    mct_hostile::Format::named("sound").try_out(bytes).ok();
});
