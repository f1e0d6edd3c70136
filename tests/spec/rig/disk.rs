//! A disk of its own, small enough to be filled: a tmpfs over a folder, where whoever runs the tests may mount one.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

/// The file that takes the space.
const BALLAST: &str = "ballast";

/// Mounted until it is dropped.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one over an empty folder; none where that is not allowed, which is said.
    pub fn mount(over: &Path, mib: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(over);
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(over.to_owned()));
        }
        eprintln!("no disk can be mounted here: what a full one does is not seen");
        None
    }

    /// Takes every byte that is left.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join(BALLAST)).unwrap();
        for size in [1 << 16, 1] {
            let chunk = vec![0; size];
            while file.write_all(&chunk).is_ok() {}
        }
    }

    /// Takes all but this many KiB.
    pub fn leave(&self, kib: usize) {
        self.fill();
        let all = std::fs::metadata(self.0.join(BALLAST)).unwrap().len();
        let file = std::fs::OpenOptions::new().write(true).open(self.0.join(BALLAST)).unwrap();
        file.set_len(all - (kib as u64) * 1_024).unwrap();
    }

    /// Gives them back.
    pub fn free(&self) {
        std::fs::remove_file(self.0.join(BALLAST)).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there is about to end.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
