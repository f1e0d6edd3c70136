//! Tells the program what it is made of: the compiler, and the engine that evaluates rules. `portcullis version` says it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rustc-env=PORTCULLIS_RUSTC={}", compiler());
    println!("cargo::rustc-env=PORTCULLIS_ENGINE={}", engine());
}

/// `rustc 1.95.0 (…)`, as the compiler that builds this says it.
#[allow(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment which compiler is used"
)]
fn compiler() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let said = Command::new(rustc).arg("--version").output().ok();
    let said = said.and_then(|said| String::from_utf8(said.stdout).ok()).unwrap_or_default();
    match said.trim() {
        "" => "unknown".to_owned(),
        version => version.to_owned(),
    }
}

/// `regorus 0.14.1`, as it is locked.
fn engine() -> String {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let after = lock.split("name = \"regorus\"\nversion = \"").nth(1);
    let version = after.and_then(|rest| rest.split('"').next()).unwrap_or("unknown");
    format!("regorus {version}")
}
