//! What the window is started with.

use std::process::Command;

#[test]
fn an_unknown_device_is_refused_before_there_is_a_window() {
    let run = Command::new(env!("CARGO_BIN_EXE_mct-app"))
        .args(["--device", "abacus"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(
        said.contains("found abacus, expected auto or one of"),
        "{said}"
    );
}
