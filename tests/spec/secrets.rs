//! What is secret stays so: nothing prints it, seals open only for who should, hashes compare without telling.

use portcullis::secret::{KeyError, NoRandomness, Seal, SealError, Secret, SigningKey};
use portcullis::secret::{hash_token, random, same_hash};

const CANARY: &str = "canary-7f3a-do-not-print";

#[test]
fn debug_never_shows_a_secret() {
    #[derive(Debug)]
    struct Holder {
        token: Secret<String>,
    }
    let holder = Holder { token: Secret::from(CANARY.to_owned()) };
    for shown in
        [format!("{holder:?}"), format!("{holder:#?}"), format!("{:?}", Some(&holder.token))]
    {
        assert!(shown.contains('…') && !shown.contains("canary"), "{shown}");
    }
    assert_eq!(holder.token.expose(), CANARY);
}

#[test]
fn debug_of_keys_shows_no_private_byte() {
    let key = SigningKey::generate().unwrap();
    let private = hex::encode(key.to_pkcs8().unwrap().expose());
    let seed = &private[32..96];
    let shown = format!("{key:?} {:?} {:?}", key.to_pkcs8().unwrap(), seal(1));
    assert!(shown.contains(&hex::encode(key.public_key())));
    assert!(!shown.contains(seed) && !shown.contains(&hex::encode([1; 32])), "{shown}");
}

fn kek(byte: u8) -> Secret<[u8; 32]> {
    Secret::new([byte; 32])
}

fn seal(byte: u8) -> Seal {
    Seal::new(&kek(byte), None)
}

#[test]
fn a_seal_opens_with_its_key_and_purpose() {
    for length in [0, 1, 15, 16, 17, 70_000] {
        let plain = vec![7; length];
        let sealed = seal(1).seal("token", &plain).unwrap();
        assert_eq!(sealed.len(), length + 49);
        assert_eq!(seal(1).open("token", &sealed).unwrap(), plain);
    }
}

#[test]
fn a_seal_holds_no_plain_text_and_never_repeats() {
    let first = seal(1).seal("token", CANARY.as_bytes()).unwrap();
    let second = seal(1).seal("token", CANARY.as_bytes()).unwrap();
    assert!(!first.windows(6).any(|window| window == b"canary"));
    assert_ne!(first[5..], second[5..]);
}

#[test]
fn another_purpose_or_key_does_not_open() {
    let sealed = seal(1).seal("token", b"x").unwrap();
    assert_eq!(seal(1).open("hook", &sealed), Err(SealError::Broken));
    assert!(matches!(seal(2).open("token", &sealed), Err(SealError::UnknownKey(_))));
}

#[test]
fn every_flipped_bit_of_a_seal_is_noticed() {
    let sealed = seal(1).seal("token", b"forty-two").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(seal(1).open("token", &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn every_cut_of_a_seal_is_noticed() {
    let sealed = seal(1).seal("token", b"forty-two").unwrap();
    for length in 0..sealed.len() {
        assert!(seal(1).open("token", &sealed[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_rotation_opens_both_and_seals_with_the_new_key() {
    let old = seal(1).seal("token", b"x").unwrap();
    let rotating = Seal::new(&kek(2), Some(&kek(1)));
    assert_eq!(rotating.open("token", &old).unwrap(), b"x");
    assert!(!rotating.is_current(&old));
    let new = rotating.seal("token", b"x").unwrap();
    assert!(rotating.is_current(&new));
    assert_eq!(seal(2).open("token", &new).unwrap(), b"x");
    assert!(matches!(seal(1).open("token", &new), Err(SealError::UnknownKey(_))));
}

#[test]
fn errors_tell_nothing_of_what_was_sealed() {
    let mut sealed = seal(1).seal("token", CANARY.as_bytes()).unwrap();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    let error = seal(1).open("token", &sealed).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn a_signing_key_survives_being_stored() {
    let key = SigningKey::generate().unwrap();
    let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.sign(b"message"), key.sign(b"message"));
    assert_ne!(SigningKey::generate().unwrap().public_key(), key.public_key());
}

#[test]
fn other_bytes_are_no_signing_key() {
    let mut bytes = SigningKey::generate().unwrap().to_pkcs8().unwrap().expose().clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1; // the public half no longer belongs to the private one
    for bad in [Vec::new(), b"-----BEGIN PRIVATE KEY-----".to_vec(), bytes] {
        assert!(matches!(SigningKey::from_pkcs8(&Secret::new(bad)), Err(KeyError::Unreadable)));
    }
}

/// RFC 8032 section 7.1, test 3, in the PKCS #8 of RFC 8410.
#[test]
fn signatures_are_those_of_rfc_8032() {
    let pkcs8 = "302e020100300506032b657004220420\
                 c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    let key = SigningKey::from_pkcs8(&Secret::new(hex::decode(pkcs8).unwrap())).unwrap();
    assert_eq!(
        hex::encode(key.public_key()),
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    );
    assert_eq!(
        hex::encode(key.sign(&[0xaf, 0x82])),
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    );
}

#[test]
fn tokens_are_kept_as_sha_256() {
    // NIST's example: SHA-256 of "abc".
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex::encode(hash_token("abc")), expected);
}

#[test]
fn hashes_are_equal_only_in_every_bit() {
    let hash = hash_token("token");
    assert!(same_hash(&hash, &hash_token("token")));
    for bit in 0..256 {
        let mut other = hash;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!same_hash(&hash, &other), "bit {bit}");
    }
}

#[test]
fn random_bytes_differ() -> Result<(), NoRandomness> {
    let drawn: std::collections::BTreeSet<[u8; 16]> =
        (0..1000).map(|_| random()).collect::<Result<_, _>>()?;
    assert_eq!(drawn.len(), 1000);
    Ok(())
}
