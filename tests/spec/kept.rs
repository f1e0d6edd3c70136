//! The page "What we read, keep, and for how long" says what the code does.

use std::path::Path;
use std::path::PathBuf;

const PAGE: &str = include_str!("../../docs/what-we-keep.md");

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The words of which a file makes paths: texts in short lists, outside its tests.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lists = code.split("[\"").skip(1).filter_map(|rest| rest.split(']').next());
    // The first text's opening quote is cut off, so texts stand at even places.
    lists.filter(|list| list.len() < 200).flat_map(|list| list.split('"').step_by(2))
}

#[test]
fn every_path_that_is_read_stands_on_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bitbucket");
    for product in ["cloud", "datacenter"] {
        let mut read = files(&root.join(product).join("rest"));
        read.push(root.join(product).join("rest.rs"));
        // They read scripts and pipeline definitions, not Bitbucket: their lists are other words.
        read.retain(|file| !file.ends_with("gate.rs") && !file.ends_with("definition.rs"));
        let texts: Vec<String> =
            read.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let mut words: Vec<&str> = texts.iter().flat_map(|text| segments(text)).collect();
        words.retain(|word| !word.is_empty());
        words.sort_unstable();
        words.dedup();
        assert!(words.len() > 15, "{product}: only {words:?}");
        let missing: Vec<_> = words.iter().filter(|word| !PAGE.contains(**word)).collect();
        assert!(missing.is_empty(), "{product}: {missing:?}");
    }
    assert_eq!(
        segments("ask(&[\"a\", id, \"b\"]) #[cfg(test)] [\"c\"]").collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let names: Vec<&str> =
        PAGE.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    assert!(names.len() > 3, "{names:?}");
    for name in names {
        let (file, function) = name.split_once("::").unwrap();
        let path = format!("{}/tests/spec/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
        assert!(text.contains(&format!("fn {function}(")), "{name}");
    }
}
