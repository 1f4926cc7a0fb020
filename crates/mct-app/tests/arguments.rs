//! The arguments of the program.

use std::process::Command;

#[test]
fn an_unknown_device_is_refused_before_the_window_opens() {
    let run = Command::new(env!("CARGO_BIN_EXE_mct-app"))
        .args(["--device", "abacus"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let message = String::from_utf8_lossy(&run.stderr);
    assert!(
        message.contains("found abacus, expected auto or one of"),
        "{message}"
    );
}
