//! Faults of the system under a gate: calls of the C library that fail once they are told to.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The shim between a program and its C library.
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fault.c");

/// What fails, as the shim reads it.
#[derive(Clone, Copy, Debug)]
pub enum Fails {
    /// Every sync of a file.
    Sync = b's' as isize,
    /// Every write to a file, as on a disk that was mounted read-only.
    Write = b'r' as isize,
}

/// The library of the shim, in a gate's folder, and the switch beside it.
const LIBRARY: &str = "fault.so";
const SWITCH: &str = "fault";

/// The switch.
#[derive(Debug)]
pub struct Fault(PathBuf);

/// The environment of a gate in this folder: with the shim, where one was built.
pub fn environment(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let library = folder.join(LIBRARY);
    if !library.exists() {
        return Vec::new();
    }
    vec![("LD_PRELOAD", library), ("FAULT", folder.join(SWITCH))]
}

impl Fault {
    /// Builds the shim for a gate's next life; a machine that built this program has a C compiler.
    pub fn build(folder: &Path) -> Self {
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(folder.join(LIBRARY)).arg(SHIM).arg("-ldl");
        assert!(cc.status().unwrap().success());
        Self(folder.join(SWITCH))
    }

    /// From now on this fails.
    pub fn begin(&self, fails: Fails) {
        std::fs::write(&self.0, [fails as u8]).unwrap();
    }

    /// And now it does not.
    pub fn end(&self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}
