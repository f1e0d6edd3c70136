//! One token, looked at strictly: form, header, signature, then claims. The order is the point: no claim is believed
//! before the signature held, and the header never chooses more than which published key to try.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::event::caller::Issuer;
use crate::event::caller::KeySet;
use crate::event::caller::Signing;
use crate::event::caller::TokenError;
use crate::event::caller::bare;
use crate::event::caller::cut;
use crate::event::caller::listed;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::Why;

/// Longest token looked at. Bitbucket's have about 1.2 KiB; without a bound a stranger could have megabytes decoded.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How far two clocks may stand apart.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// Longest key name that is looked up.
const MAX_KEY_NAME_BYTES: usize = 256;

/// Header fields by which a token would bring its own key or its own rules.
const REFUSED_HEADERS: &[&str] = &["jku", "jwk", "x5u", "x5c", "crit", "zip", "enc", "b64"];

/// What an unproven token says of itself: enough to choose keys, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek {
    /// `iss`.
    pub issuer: String,
    /// `kid`.
    pub key: String,
}

/// Reads issuer and key name without believing them.
pub fn peek(token: &str) -> Result<Peek, TokenError> {
    let parts = parts(token)?;
    let (key, _) = header(parts.header)?;
    let claims = Claims::read(parts.claims)?;
    Ok(Peek { issuer: claims.text("iss")?, key })
}

struct Parts<'t> {
    header: &'t str,
    claims: &'t str,
    signature: &'t str,
    signed: &'t str,
}

fn parts(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong { bytes: token.len() });
    }
    let malformed = |why| TokenError::Malformed { why };
    let (signed, signature) =
        token.rsplit_once('.').ok_or(malformed("it has no three parts with dots between"))?;
    let (header, claims) =
        signed.split_once('.').ok_or(malformed("it has no three parts with dots between"))?;
    if claims.contains('.') || [header, claims, signature].contains(&"") {
        return Err(malformed("it has no three parts with dots between"));
    }
    Ok(Parts { header, claims, signature, signed })
}

/// Checks the header and gives the key's name, and the algorithm it says: only compared with the key's own.
fn header(part: &str) -> Result<(String, Signing), TokenError> {
    let fields = fields(part)?;
    if let Some(name) = REFUSED_HEADERS.iter().find(|name| fields.contains_key(**name)) {
        return Err(TokenError::Header { name });
    }
    let said = fields.get("alg").and_then(Value::as_str);
    let signing = said.and_then(Signing::from_text);
    let signing =
        signing.ok_or_else(|| TokenError::Algorithm { found: cut(said.unwrap_or("nothing")) })?;
    match fields.get("kid") {
        Some(Value::String(key)) if !key.is_empty() && key.len() <= MAX_KEY_NAME_BYTES => {
            Ok((key.clone(), signing))
        }
        Some(_) => Err(TokenError::Claim { claim: "kid", why: "is not a short text" }),
        None => {
            Err(TokenError::Claim { claim: "kid", why: "is missing: the key cannot be chosen" })
        }
    }
}

fn fields(part: &str) -> Result<BTreeMap<String, Value>, TokenError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed { why: "a part is not base64url without padding" })?;
    serde_json::from_slice::<Once>(&json).map(|once| once.0).map_err(|_| TokenError::Malformed {
        why: "a part is not a JSON object, or repeats a name",
    })
}

/// An object that names nothing twice: two readers would see two tokens.
struct Once(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OnceVisitor)
    }
}

struct OnceVisitor;

impl<'de> serde::de::Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut fields: A) -> Result<Once, A::Error> {
        let mut seen = BTreeMap::new();
        while let Some((name, value)) = fields.next_entry::<String, Value>()? {
            if seen.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("repeated"));
            }
        }
        Ok(Once(seen))
    }
}

/// Claims whose signature, issuer, audience and hours hold.
pub fn verified(
    token: &str,
    from: &Issuer,
    keys: &KeySet,
    now: Time,
) -> Result<Claims, TokenError> {
    let parts = parts(token)?;
    let (name, said) = header(parts.header)?;
    let not_its = TokenError::Algorithm { found: said.as_str().to_owned() };
    let key = match keys.key(&name) {
        Some(key) if key.signing == said => key,
        Some(_) => return Err(not_its),
        // For an issuer whose keys are all for another algorithm, that is what is wrong.
        None if !keys.signs_with(said) => return Err(not_its),
        None => return Err(TokenError::UnknownKey { key: cut(&name) }),
    };
    // The signature's own text must be the only spelling of its bytes, or one token would have several.
    URL_SAFE_NO_PAD
        .decode(parts.signature)
        .map_err(|_| TokenError::Malformed { why: "a part is not base64url without padding" })?;
    let holds = jsonwebtoken::crypto::verify(
        parts.signature,
        parts.signed.as_bytes(),
        &key.key,
        key.signing.algorithm(),
    );
    if !holds.unwrap_or(false) {
        return Err(TokenError::Signature);
    }
    let mut claims = Claims::read(parts.claims)?;
    claims.check_issuer(from)?;
    claims.check_audience(from)?;
    claims.check_hours(now)?;
    Ok(claims)
}

/// The claims of a token.
#[derive(Clone, Debug)]
pub struct Claims {
    fields: BTreeMap<String, Value>,
    issued: Time,
    ends: Time,
}

impl Claims {
    fn read(part: &str) -> Result<Self, TokenError> {
        Ok(Self { fields: fields(part)?, issued: Time::default(), ends: Time::default() })
    }

    /// When the token was made.
    pub fn issued(&self) -> Time {
        self.issued
    }

    /// When the token ends.
    pub fn ends(&self) -> Time {
        self.ends
    }

    /// A text that must be there.
    pub fn text(&self, claim: &'static str) -> Result<String, TokenError> {
        self.optional_text(claim)?.ok_or(TokenError::Claim { claim, why: "is missing" })
    }

    /// A text that may be missing, but not be anything else.
    pub fn optional_text(&self, claim: &'static str) -> Result<Option<String>, TokenError> {
        match self.fields.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(TokenError::Claim { claim, why: "is not a text" }),
        }
    }

    /// A UUID that must be there; bare and lower-case.
    pub fn uuid(&self, claim: &'static str) -> Result<String, TokenError> {
        self.optional_uuid(claim)?.ok_or(TokenError::Claim { claim, why: "is missing" })
    }

    /// A UUID that may be missing, but not be anything else.
    pub fn optional_uuid(&self, claim: &'static str) -> Result<Option<String>, TokenError> {
        match self.optional_text(claim)? {
            None => Ok(None),
            Some(text) => {
                bare(&text).map(Some).ok_or(TokenError::Claim { claim, why: "is not a UUID" })
            }
        }
    }

    /// A claim by a configured name: nothing where none is configured, unknown where the token does not have it as a
    /// text or a whole number.
    pub fn mapped(&self, name: Option<&str>) -> Known<String> {
        let Some(name) = name else { return Known::Nothing };
        let unusable = |what: &str| {
            Known::Unknown(Why::said(format!(
                "the token's claim `{name}` {what}: its CI is configured to say it"
            )))
        };
        match self.fields.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Known::Value(text.clone()),
            Some(Value::Number(number)) if number.is_u64() => Known::Value(number.to_string()),
            Some(Value::String(_)) => unusable("is empty"),
            Some(_) => unusable("is neither a text nor a whole number"),
            None => unusable("is missing"),
        }
    }

    fn check_issuer(&self, from: &Issuer) -> Result<(), TokenError> {
        let found = self.text("iss")?;
        if found == from.issuer {
            Ok(())
        } else {
            Err(TokenError::Issuer { found: cut(&found), expected: cut(&from.issuer) })
        }
    }

    fn check_audience(&self, from: &Issuer) -> Result<(), TokenError> {
        const WRONG: TokenError =
            TokenError::Claim { claim: "aud", why: "is neither a text nor a list of texts" };
        let found: Vec<&str> = match self.fields.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => {
                many.iter().map(Value::as_str).collect::<Option<_>>().ok_or(WRONG)?
            }
            Some(_) => return Err(WRONG),
            None => return Err(TokenError::Claim { claim: "aud", why: "is missing" }),
        };
        if found.iter().any(|audience| from.audiences.iter().any(|ours| ours == audience)) {
            return Ok(());
        }
        Err(TokenError::Audience {
            found: listed(found.into_iter()),
            expected: listed(from.audiences.iter().map(String::as_str)),
        })
    }

    fn check_hours(&mut self, now: Time) -> Result<(), TokenError> {
        let ended =
            self.hour("exp")?.ok_or(TokenError::Claim { claim: "exp", why: "is missing" })?;
        let issued =
            self.hour("iat")?.ok_or(TokenError::Claim { claim: "iat", why: "is missing" })?;
        let from = self.hour("nbf")?.map_or(issued, |not_before| not_before.max(issued));
        if now > ended.plus(LEEWAY) {
            return Err(TokenError::Expired { ended, now });
        }
        if from > now.plus(LEEWAY) {
            return Err(TokenError::Early { from, now });
        }
        self.issued = issued;
        self.ends = ended;
        Ok(())
    }

    /// Seconds since 1970 as a whole number; what a text or a fraction would mean is anyone's guess.
    fn hour(&self, claim: &'static str) -> Result<Option<Time>, TokenError> {
        let wrong = TokenError::Claim { claim, why: "is not a whole number of seconds" };
        match self.fields.get(claim) {
            None => Ok(None),
            Some(value) => {
                let seconds = value.as_i64().filter(|seconds| *seconds >= 0).ok_or(wrong)?;
                let millis = seconds.checked_mul(1_000);
                let far = TokenError::Claim { claim, why: "lies beyond the end of time" };
                millis.map(|millis| Some(Time::from_millis(millis))).ok_or(far)
            }
        }
    }
}
