//! A folder's files are two bundles: the rules that answer events, and the posture rules, told apart by the folder
//! `posture/`. Each has its own revision and its own workers.
//!
//! Data and libraries serve both. A side of which a folder holds no `.rego` file is the shipped one.

use crate::policy::bundle::POSTURE;
use crate::policy::bundle::SourceFile;
use crate::policy::data;
use crate::policy::parse;
use crate::policy::parse::is_policy;
use crate::policy::shipped;

/// The files of the two bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Rules that answer events, their tests, libraries and data.
    pub gate: Vec<SourceFile>,
    /// Posture rules and their tests, and the libraries and data of the folder.
    pub posture: Vec<SourceFile>,
}

impl Sides {
    /// Splits the files of one folder.
    pub fn of(files: Vec<SourceFile>) -> Self {
        let (posture, gate): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| is_posture(&file.path));
        let mut sides = Self { gate, posture };
        let shared: Vec<SourceFile> =
            sides.gate.iter().filter(|it| is_shared(it)).cloned().collect();
        sides.posture.extend(shared);
        sides.posture.sort_by(|a, b| a.path.cmp(&b.path));
        sides
    }

    /// The shipped rules.
    pub fn shipped() -> Self {
        Self { gate: shipped::files(), posture: shipped::posture() }
    }

    /// What is served of a folder: a side without a file of its own is the shipped one, with the folder's data.
    #[must_use]
    pub fn or_shipped(mut self) -> Self {
        if !self.has_posture() {
            self.posture.retain(|file| data::is_data(&file.path));
            self.posture.extend(shipped::posture());
        }
        if !self.has_gate() {
            self.gate.retain(|file| data::is_data(&file.path));
            self.gate.extend(shipped::files());
        }
        self
    }

    /// Every file once, by path.
    pub fn all(&self) -> Vec<SourceFile> {
        let mut files: Vec<SourceFile> = self.gate.iter().chain(&self.posture).cloned().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        files
    }

    /// Whether it holds policy below `posture/`. One broken file is enough: it must be refused, not passed over.
    pub fn has_posture(&self) -> bool {
        self.posture.iter().any(|file| is_posture(&file.path) && is_policy(&file.path))
    }

    /// Whether it holds policy outside of `posture/`, libraries too.
    pub fn has_gate(&self) -> bool {
        self.gate.iter().any(|file| is_policy(&file.path))
    }
}

/// Whether a file lies in a folder `posture`.
fn is_posture(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| folder.split('/').any(|part| part == POSTURE))
}

/// Whether a file is a rule by its package line. What it says beside is judged when it is loaded.
fn is_rule(file: &SourceFile) -> bool {
    let rule = |line: &str| line.trim_start().starts_with("package portcullis.rules.");
    is_policy(&file.path) && !parse::is_test(&file.path) && file.text.lines().any(rule)
}

/// Whether both sides need a file: data, and libraries.
fn is_shared(file: &SourceFile) -> bool {
    let library = is_policy(&file.path) && !parse::is_test(&file.path) && !is_rule(file);
    data::is_data(&file.path) || library
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn paths(files: &[SourceFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn the_folder_tells_the_sides_apart_and_data_and_libraries_serve_both() {
        let sides = Sides::of(vec![
            file("data.json", "{}"),
            file("lib/names.rego", "package portcullis.lib.names\n"),
            file("lib/names_test.rego", "package portcullis.lib.names_test\n"),
            file("mine/posture/open.rego", "package portcullis.rules.posture.open\n"),
            file("posture_of_mine/shut.rego", "package portcullis.rules.posture_of_mine.shut\n"),
            file("ref/push.rego", "package portcullis.rules.ref.push\n"),
        ]);
        assert_eq!(
            paths(&sides.posture),
            ["data.json", "lib/names.rego", "mine/posture/open.rego"]
        );
        let gate = [
            "data.json",
            "lib/names.rego",
            "lib/names_test.rego",
            "posture_of_mine/shut.rego",
            "ref/push.rego",
        ];
        assert_eq!(paths(&sides.gate), gate);
        assert!(sides.has_posture());
        assert_eq!(sides.clone().or_shipped(), sides, "it has both");
    }

    #[test]
    fn a_side_without_a_rule_is_the_shipped_one_with_the_folders_data() {
        let data = file("data.json", "{\"mine\": 1}");
        let rule = file("ref/push.rego", "package portcullis.rules.ref.push\n");
        let sides = Sides::of(vec![data.clone(), rule]).or_shipped();
        assert_eq!(paths(&sides.gate), ["data.json", "ref/push.rego"]);
        assert!(sides.posture.contains(&data));
        assert_eq!(sides.posture.len(), 1 + shipped::posture().len());
        let only = file("posture/open.rego", "package portcullis.rules.posture.open\n");
        let sides = Sides::of(vec![only]).or_shipped();
        assert_eq!(paths(&sides.posture), ["posture/open.rego"]);
        assert_eq!(sides.gate, shipped::files());
    }
}
