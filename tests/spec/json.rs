//! A body is read strictly: what two readers could understand differently is not read at all.

use std::path::PathBuf;

use portcullis::bitbucket::MAX_DEPTH;
use portcullis::bitbucket::Unreadable;
use portcullis::bitbucket::read;
use portcullis::graph::Product;

fn reason(body: &[u8]) -> Option<&'static str> {
    let cloud = read(Product::Cloud, &"acme".parse().unwrap(), "", body);
    let datacenter = read(Product::DataCenter, &"acme".parse().unwrap(), "", body);
    let reasons = [cloud, datacenter].map(|told| told.err().as_ref().map(Unreadable::reason));
    assert_eq!(
        reasons[0],
        reasons[1],
        "both products judge {:?} alike",
        String::from_utf8_lossy(body)
    );
    reasons[0]
}

#[test]
fn plain_json_is_read() {
    for body in [
        "{}",
        " {\"a\":1} \n",
        "[]",
        "null",
        "\"x\"",
        "-0.5e3",
        "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
    ] {
        assert_eq!(reason(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn what_is_not_json_is_not_read() {
    for body in [
        "",
        " ",
        "{",
        "{\"a\":1}x",
        "{'a':1}",
        "[1,]",
        "NaN",
        "{\"a\":1}{}",
        "{\"a\" 1}",
        "\"\\u12\"",
    ] {
        assert_eq!(reason(body.as_bytes()), Some("not_json"), "{body}");
    }
    assert_eq!(reason(b"\xef\xbb\xbf{}"), Some("not_json"));
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), Some("not_utf8"));
}

#[test]
fn a_repeated_key_is_refused_at_any_depth_and_in_any_spelling() {
    for body in [
        r#"{"a":1,"a":1}"#,
        r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(reason(body.as_bytes()), Some("repeated_key"), "{body}");
    }
    let many = |last: &str| {
        let keys: Vec<String> = (0..200).map(|n| format!("\"k{n}\":{{\"k{n}\":0}}")).collect();
        format!("{{{},\"{last}\":1}}", keys.join(","))
    };
    assert_eq!(reason(many("k3").as_bytes()), Some("repeated_key"));
    assert_eq!(reason(many("k150").as_bytes()), Some("repeated_key"));
    assert_eq!(reason(many("other").as_bytes()), None);
}

#[test]
fn the_refusal_names_the_key_and_nothing_else() {
    let told =
        read(Product::Cloud, &"acme".parse().unwrap(), "", b"{\"a\\nb\":\"hush\",\"a\\nb\":1}");
    assert_eq!(told.unwrap_err().to_string(), "the body repeats the key `a\\nb` within one object");
    let told =
        read(Product::Cloud, &"acme".parse().unwrap(), "", b"{\"actor\":\"hush\"}").unwrap_err();
    assert!(!told.to_string().contains("hush") && told.to_string().contains("line 1"), "{told}");
}

#[test]
fn depth_has_an_end() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(reason(nested(MAX_DEPTH).as_bytes()), None);
    assert_eq!(reason(nested(MAX_DEPTH + 1).as_bytes()), Some("too_deep"));
    assert_eq!(reason("{\"a\":".repeat(100_000).as_bytes()), Some("too_deep"));
}

#[test]
fn fields_that_nobody_documented_are_counted() {
    let told = |body: &[u8]| {
        read(Product::Cloud, &"acme".parse().unwrap(), "", body).unwrap().ignored_fields
    };
    assert_eq!(told(br#"{"actor":{"uuid":"{x}"},"repository":{}}"#), 0);
    assert_eq!(told(br#"{"actor":{"uuid":"{x}","aura":1},"repository":{},"moon":{"phase":2}}"#), 3);
}

/// The `i_` cases of the suite, which the standard leaves open: what we decided, and why.
const OPEN: &[(&str, Option<&str>)] = &[
    // Rounds to zero: no information that an id could need is lost.
    ("i_number_double_huge_neg_exp", None),
    ("i_number_real_underflow", None),
    // Would round to infinity.
    ("i_number_huge_exp", Some("not_json")),
    ("i_number_neg_int_huge_exp", Some("not_json")),
    ("i_number_pos_double_huge_exp", Some("not_json")),
    ("i_number_real_neg_overflow", Some("not_json")),
    ("i_number_real_pos_overflow", Some("not_json")),
    // Whole numbers beyond 64 bits become approximations; no field of ours takes one.
    ("i_number_too_big_neg_int", None),
    ("i_number_too_big_pos_int", None),
    ("i_number_very_big_negative_int", None),
    // Half a surrogate pair is no character.
    ("i_object_key_lone_2nd_surrogate", Some("not_json")),
    ("i_string_1st_surrogate_but_2nd_missing", Some("not_json")),
    ("i_string_1st_valid_surrogate_2nd_invalid", Some("not_json")),
    ("i_string_incomplete_surrogate_and_escape_valid", Some("not_json")),
    ("i_string_incomplete_surrogate_pair", Some("not_json")),
    ("i_string_incomplete_surrogates_escape_valid", Some("not_json")),
    ("i_string_invalid_lonely_surrogate", Some("not_json")),
    ("i_string_invalid_surrogate", Some("not_json")),
    ("i_string_inverted_surrogates_U+1D11E", Some("not_json")),
    ("i_string_lone_second_surrogate", Some("not_json")),
    // Bytes that are not UTF-8.
    ("i_string_UTF-16LE_with_BOM", Some("not_utf8")),
    ("i_string_UTF-8_invalid_sequence", Some("not_utf8")),
    ("i_string_UTF8_surrogate_U+D800", Some("not_utf8")),
    ("i_string_invalid_utf-8", Some("not_utf8")),
    ("i_string_iso_latin_1", Some("not_utf8")),
    ("i_string_lone_utf8_continuation_byte", Some("not_utf8")),
    ("i_string_not_in_unicode_range", Some("not_utf8")),
    ("i_string_overlong_sequence_2_bytes", Some("not_utf8")),
    ("i_string_overlong_sequence_6_bytes", Some("not_utf8")),
    ("i_string_overlong_sequence_6_bytes_null", Some("not_utf8")),
    ("i_string_truncated-utf-8", Some("not_utf8")),
    ("i_string_utf16BE_no_BOM", Some("not_utf8")),
    ("i_string_utf16LE_no_BOM", Some("not_utf8")),
    // Deeper than any body.
    ("i_structure_500_nested_arrays", Some("too_deep")),
    // A mark before the text is not part of JSON.
    ("i_structure_UTF-8_BOM_empty_object", Some("not_json")),
];

#[test]
fn the_public_suite_is_judged_as_written_down() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/corpora/json-test-suite/test_parsing");
    let Ok(files) = std::fs::read_dir(&folder) else { return };
    let mut wrong = Vec::new();
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let reason = reason(&std::fs::read(&path).unwrap());
        let right = match &name[..2] {
            "n_" => reason.is_some(),
            "y_" if name.contains("duplicated_key") => reason == Some("repeated_key"),
            "y_" => reason.is_none(),
            _ => OPEN.iter().any(|(case, decided)| *case == name && *decided == reason),
        };
        if !right {
            wrong.push((name, reason));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
