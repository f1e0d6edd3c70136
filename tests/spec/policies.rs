//! Policies: what loads, what is refused and where, and what a rule's answer weighs.

use portcullis::policy::SourceFile;
use portcullis::policy::diagnostic::render_all;
use portcullis::policy::load;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn folder(root: &str) -> Vec<SourceFile> {
    fn gather(at: &std::path::Path, root: &std::path::Path, files: &mut Vec<SourceFile>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, root, files);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(file(path.strip_prefix(root).unwrap().to_str().unwrap(), &text));
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files = Vec::new();
    gather(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[test]
fn the_shipped_rules_load() {
    let loaded =
        load(&folder("policies")).map_err(|found| panic!("{}", render_all(&found))).unwrap();
    assert_eq!(loaded.bundle().rules.len(), 12);
}
