//! Signatures agree with an implementation that nobody here wrote: the crate of the people who wrote the specification.

use portcullis::graph::Time;
use portcullis::notify::sign::Disbelief;
use portcullis::notify::sign::Headers;
use portcullis::notify::sign::Key;
use portcullis::notify::sign::KeyError;
use portcullis::notify::sign::sign;
use portcullis::notify::sign::verify;
use portcullis::secret::Secret;
use sha2::Digest;
use sha2::Sha256;
use standardwebhooks::Webhook;

use super::key;
use super::secret;

/// Messages in each direction.
const MESSAGES: u32 = 1_000;

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// Another secret, id and body for each number; bodies from none to some kilobytes, with characters of every length.
fn message(number: u32) -> (String, String, String) {
    use base64::Engine;
    let digest = Sha256::digest(number.to_le_bytes());
    let length = 24 + (number % 41) as usize;
    let bytes: Vec<u8> = digest.iter().copied().cycle().take(length).collect();
    let secret = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    let body = format!("{{\"n\":{number},\"t\":\"ä€𝄞.\\n\"}}").repeat(number as usize % 97);
    (secret, format!("msg_{}", hex::encode(&digest[..8])), body)
}

fn header_map(of: &Headers) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert("webhook-id", of.id.parse().unwrap());
    headers.insert("webhook-timestamp", of.timestamp.parse().unwrap());
    headers.insert("webhook-signature", of.signature.parse().unwrap());
    headers
}

#[test]
fn a_thousand_messages_of_ours_are_believed_outside_and_none_that_was_changed() {
    for number in 0..MESSAGES {
        let (secret, id, body) = message(number);
        let outside = Webhook::new(&secret).unwrap();
        let signed = sign(&[key(&secret)], &id, now(), body.as_bytes());
        outside.verify(body.as_bytes(), &header_map(&signed)).unwrap();
        let other = format!("{body} ");
        assert!(outside.verify(other.as_bytes(), &header_map(&signed)).is_err(), "{number}");
        let renamed = Headers { id: format!("{id}x"), ..signed };
        assert!(outside.verify(body.as_bytes(), &header_map(&renamed)).is_err(), "{number}");
    }
}

#[test]
fn a_thousand_messages_from_outside_are_believed_here_and_none_that_was_changed() {
    let at = now();
    let timestamp = at.millis() / 1_000;
    for number in 0..MESSAGES {
        let (secret, id, body) = message(number);
        let signature =
            Webhook::new(&secret).unwrap().sign(&id, timestamp, body.as_bytes()).unwrap();
        let said = Headers { id, timestamp: timestamp.to_string(), signature };
        let keys = [key(&secret)];
        assert_eq!(verify(&keys, &said, at, body.as_bytes()), Ok(()), "{number}");
        let other = format!("{body} ");
        assert_eq!(verify(&keys, &said, at, other.as_bytes()), Err(Disbelief::Signature));
    }
}

/// The six cases of the scheme: valid, several signatures of which one fits, changed, another secret, too old, missing.
#[test]
fn the_six_cases_end_alike_on_both_sides() {
    let at = now();
    let old = at.minus(std::time::Duration::from_secs(5 * 60 + 2));
    let (ours, theirs) = (secret(1), secret(2));
    let body = b"{\"test\": 2432232314}";
    let fit = sign(&[key(&ours)], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
    let rotated = sign(&[key(&theirs), key(&ours)], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
    let cases: [(&str, Headers, &[u8], bool); 6] = [
        ("valid", fit.clone(), body, true),
        ("several signatures, one fits", rotated.clone(), body, true),
        ("changed body", fit.clone(), b"{\"test\": 2432232315}", false),
        ("another secret", sign(&[key(&theirs)], &fit.id, at, body), body, false),
        ("too old", sign(&[key(&ours)], &fit.id, old, body), body, false),
        ("missing", Headers { signature: String::new(), ..fit.clone() }, body, false),
    ];
    assert_eq!(rotated.signature.split(' ').count(), 2);
    for (name, said, body, is_good) in cases {
        let outside = Webhook::new(&ours).unwrap().verify(body, &header_map(&said));
        assert_eq!(outside.is_ok(), is_good, "{name}: {outside:?}");
        let here = verify(&[key(&ours)], &said, at, body);
        assert_eq!(here.is_ok(), is_good, "{name}: {here:?}");
    }
}

#[test]
fn the_published_vector_gives_the_published_signature() {
    // From the specification's reference implementations.
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = b"{\"test\": 2432232314}";
    let at = Time::from_millis(1_614_265_330_000);
    let signed = sign(&[key(secret)], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
    assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(signed.timestamp, "1614265330");
}

#[test]
fn a_secret_of_another_form_or_length_is_refused_and_never_quoted() {
    for (text, wanted) in [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KeyError::Form),
        ("whsec_not base64!", KeyError::Form),
        ("whsec_", KeyError::Length(0)),
        ("whsec_c2hvcnQtc2VjcmV0", KeyError::Length(12)),
    ] {
        let error = Key::read(&Secret::new(text.to_owned())).unwrap_err();
        assert_eq!(error, wanted, "{text}");
        assert!(!error.to_string().contains(text.trim_start_matches("whsec_")) || text == "whsec_");
    }
    let long = secret(0) + "AAAA";
    assert!(Key::read(&Secret::new(long)).is_err());
}
