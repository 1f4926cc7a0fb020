//! The number of the option matches its name.

use std::process::Command;

/// mimalloc reads its options from the environment, by name, at the start of a program.
#[test]
fn the_number_of_the_option_is_that_of_its_name() {
    if std::env::var("MIMALLOC_PURGE_DELAY").as_deref() == Ok("1234") {
        assert_eq!(mct_allocator::kept_millis(), 1234);
        mct_allocator::keep_memory();
        assert_eq!(mct_allocator::kept_millis(), -1);
        return;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .env("MIMALLOC_PURGE_DELAY", "1234")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{output}");
    assert!(output.contains("1 passed"), "{output}");
}
