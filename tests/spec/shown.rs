//! What people and programs see of findings: exports, feeds, the score, the control map, the pages and the report. In
//! none of them is what cannot be told a pass.

mod browsed;
mod catalogue;
mod feeds;
mod exports;
mod numbers;
mod pages;
pub(crate) mod sample;

use std::path::PathBuf;

/// Where what was made is left, for the checkers that `.ci/shown` brings: they are other people's programs.
pub(crate) fn left(name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tmp/shown");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

pub(crate) fn plain(text: &str) -> String {
    text.to_owned()
}

/// Everything by which a name could become markup, turn a line around or start a formula.
pub(crate) fn hostile(text: &str) -> String {
    format!(
        "=cmd|{text}\"'><script>alert(1)</script><img src=x onerror=alert(2)>]]>\u{202e}\u{2066}\u{1b}[31m&lt;b&gt;`x"
    )
}
