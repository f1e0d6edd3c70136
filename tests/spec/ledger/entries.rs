//! An entry and a file of sealed parts each have exactly one spelling.

use super::*;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

#[test]
fn an_entry_is_canonical_json() {
    let bytes = record(0).entry;
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(
        text.starts_with(
            r#"{"at":"2026-03-01T09:30:00.125Z","body":{"revision":0,"verdict":"block"},"connection":"cloud-1","kind":"decision","sealed":{"people":""#
        ),
        "{text}"
    );
    assert!(text.ends_with(r#""subject":"0192-0000","v":1}"#), "{text}");
    assert_eq!(Entry::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

#[test]
fn every_kind_survives_and_a_missing_connection_is_null() {
    use Kind::{Action, Admin, Bundle, Decision, Gap, Grant, Key, Outbound, Ticket, Waiver};
    for kind in [Decision, Action, Ticket, Grant, Bundle, Waiver, Admin, Gap, Outbound, Key] {
        let entry = Entry { kind, connection: None, ..entry(0) };
        let bytes = entry.to_bytes().unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (value["kind"].as_str(), &value["connection"]),
            (Some(kind.as_str()), &Value::Null)
        );
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
    }
}

#[test]
fn every_other_spelling_of_an_entry_is_refused() {
    let good = String::from_utf8(entry(0).to_bytes().unwrap()).unwrap();
    let spellings = [
        (good.replace("\"v\":1", "\"v\": 1"), "canonical"),
        (good.replace(",\"v\":1}", "}").replace("{\"at\"", "{\"v\":1,\"at\""), "canonical"),
        (good.replace("cloud-1", "cloud\\u002d1"), "canonical"),
        (good.replace("\"revision\":0", "\"revision\":0,\"revision\":0"), "canonical"),
        (good.replace("\"revision\":0", "\"revision\":0.0"), "canonical"),
        (good.replace("\"connection\":\"cloud-1\",", ""), "canonical"),
        (format!("{good}\n"), "canonical"),
        (good.replace("\"v\":1", "\"v\":1,\"w\":1"), "unknown field `w`"),
        (good.replace("decision", "rumour"), "unknown variant `rumour`"),
        (good.replace("\"v\":1", "\"v\":2,\"w\":1"), "version 2"),
        (good.replace("00.125Z", "00.125000Z"), "is not a UTC time"),
        (good.replace("00.125Z", "00.125+00:00"), "is not a UTC time"),
        (good.replace("\"revision\":0", "\"revision\":9007199254740992"), "keeps exactly"),
        (good[1..].to_owned(), "not an entry"),
        (format!("{good}{good}"), "not an entry"),
    ];
    for (text, why) in spellings {
        assert_ne!(text, good, "{why}");
        let error = Entry::from_bytes(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn an_entry_too_large_for_a_bundle_is_refused_with_its_size() {
    let sized = |length| Entry { body: object(json!({"x": "y".repeat(length)})), ..entry(0) };
    let rest = sized(0).to_bytes().unwrap().len();
    assert_eq!(sized(MAX_ENTRY_BYTES - rest).to_bytes().unwrap().len(), MAX_ENTRY_BYTES);
    let error = sized(MAX_ENTRY_BYTES - rest + 1).to_bytes().unwrap_err();
    assert_eq!(error, EntryError::TooLarge(65_536));
    assert!(error.to_string().contains("65536"));
    assert_eq!(Entry::from_bytes(&vec![b' '; 65_536]), Err(EntryError::TooLarge(65_536)));
}

#[test]
fn numbers_that_readers_disagree_on_are_refused() {
    for (number, good) in [
        (json!(9_007_199_254_740_991_u64), true),
        (json!(-9_007_199_254_740_991_i64), true),
        (json!(0.25), true),
        (json!(9_007_199_254_740_992_u64), false),
        (json!(u64::MAX), false),
        (json!(1e300), false),
    ] {
        let nested = Entry { body: object(json!({"a": [{"b": number}]})), ..entry(0) };
        let bytes = nested.to_bytes();
        assert_eq!(bytes.is_ok(), good, "{number}");
        assert!(bytes.is_err() || Entry::from_bytes(&bytes.unwrap()).unwrap() == nested);
    }
}

#[test]
fn a_part_is_named_by_a_word_of_the_program() {
    for (name, good) in
        [("input", true), ("ref/2", true), ("", false), ("Ada Lovelace", false), ("é", false)]
    {
        let commitment = Commitment([0; 32]);
        let entry = Entry { sealed: [(name.to_owned(), commitment)].into(), ..entry(0) };
        assert_eq!(entry.to_bytes().is_ok(), good, "{name}");
    }
}

#[test]
fn times_have_one_spelling() {
    for text in ["1970-01-01T00:00:00.000Z", "2026-03-01T09:30:00.125Z", "9998-12-31T23:59:59.999Z"]
    {
        let moment: Moment = text.parse().unwrap();
        assert_eq!(moment.to_string(), text);
        assert_eq!(Moment::from_millis(moment.as_millis()).unwrap(), moment);
    }
    let bad = [
        "2026-03-01T09:30:00Z",
        "2026-03-01t09:30:00.125z",
        "2026-03-01 09:30:00.125Z",
        "1969-12-31T23:59:59.999Z",
    ];
    for text in
        bad.into_iter().chain(["", "now", "9999-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z"])
    {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
    assert!(Moment::from_millis(-1).is_err() && Moment::from_millis(i64::MAX).is_err());
}

#[test]
fn a_commitment_is_the_hash_the_contract_names() {
    let part = SealedPart { name: "input".into(), salt: [9; 32], bytes: b"Ada".to_vec() };
    let by_hand = Sha256::digest([b"portcullis-seal-v1".as_slice(), &[9; 32], b"Ada"].concat());
    assert_eq!(part.commit().to_string(), hex::encode(by_hand));
    assert!(part.matches(&part.commit()));
    assert!(!SealedPart { salt: [8; 32], ..part.clone() }.matches(&part.commit()));
    assert!(!SealedPart { bytes: b"ada".to_vec(), ..part.clone() }.matches(&part.commit()));
    assert!(!format!("{part:?}").contains("Ada"));
    assert_eq!(Commitment::try_from("0a".repeat(32)).unwrap(), Commitment([10; 32]));
    assert!(
        Commitment::try_from("0A".repeat(32)).is_err()
            && Commitment::try_from("0a".repeat(31)).is_err()
    );
}

#[test]
fn a_sealed_file_has_one_spelling() {
    let part = |name: &str, bytes: &[u8]| {
        Kept::Present(SealedPart { name: name.into(), salt: [10; 32], bytes: bytes.into() })
    };
    let erased = Kept::Erased { name: "c".into(), at: Moment::from_millis(START).unwrap() };
    let file =
        SealedFile { index: 3, parts: vec![part("a", b"Ada \"x\""), part("b", &[0xff]), erased] };
    let salt = "0a".repeat(32);
    let expected = format!(
        r#"{{"index":3,"parts":{{"a":{{"salt":"{salt}","text":"Ada \"x\""}},"b":{{"base64":"/w==","salt":"{salt}"}},"c":{{"erased":"2026-03-01T09:30:00.125Z"}}}}}}"#
    );
    assert_eq!(String::from_utf8(file.to_bytes().unwrap()).unwrap(), expected);
    assert_eq!(SealedFile::from_bytes(expected.as_bytes()).unwrap(), file);
    for (from, to) in
        [("0a", "0A"), ("/w==", "/x=="), (":3", ": 3"), ("erased", "gone"), ("/w==", "QWRh")]
    {
        let other = expected.replace(from, to);
        assert!(SealedFile::from_bytes(other.as_bytes()).is_err(), "{other}");
    }
}

/// Any JSON, with the keys, strings and numbers that canonical forms differ on.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[a-c\\u{e000}\\u{10000}\\n\u{7f}\\u{1}\"/]{0,4}"];
    let number = prop_oneof![
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-4_i32..=60).prop_map(|power| Value::from(2_f64.powi(power) * 0.3)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        text.clone().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let items = proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let members = proptest::collection::btree_map(text.clone(), inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![items, members]
    })
}

proptest! {
    #[test]
    fn any_body_is_written_as_rfc_8785_says_and_read_back(key in any::<String>(), value in any_json()) {
        let entry = Entry { body: [(key, value)].into_iter().collect(), ..entry(0) };
        if let Ok(bytes) = entry.to_bytes() {
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&serde_json_canonicalizer::to_vec(&value).unwrap(), &bytes);
            prop_assert_eq!(Entry::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
        }
    }
}
