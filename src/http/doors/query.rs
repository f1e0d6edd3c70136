//! What stands behind the `?` and in forms: pairs, each read once, each wrong value named.

use std::time::Duration;

use http::StatusCode;
use url::form_urlencoded;

use crate::http::doors::call::Call;
use crate::http::doors::describe;
use crate::http::problem::Problem;

/// Most pairs that are looked at: without it, a long query makes every lookup slow.
const MAX_PAIRS: usize = 50;

/// The pairs of a query or a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads `a=b&c=d`.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(MAX_PAIRS).collect())
    }

    /// Reads the query of a request, which may hold only what the description names.
    pub fn known(call: &Call) -> Result<Self, Problem> {
        let pairs = Self::read(call.head.uri.query().unwrap_or_default().as_bytes());
        let known = describe::query(call.route.door);
        let names = || known.iter().map(|(name, _, _)| *name);
        match pairs.0.iter().find(|(key, _)| names().all(|name| name != key)) {
            None => Ok(pairs),
            Some((key, _)) => {
                let cut: String = key.chars().take(64).collect();
                let all = names().collect::<Vec<_>>().join(", ");
                Err(wrong(format!("the query cannot have `{cut}`; it can have {all}")))
            }
        }
    }

    /// The first value of a name; an empty one, as forms send them, is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        first.filter(|value| !value.is_empty())
    }

    /// The same, or a sentence that names what is missing.
    pub fn need(&self, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| wrong(format!("the query needs `{name}`")))
    }

    /// A value that `read` understands; `wanted` says what it would have been.
    pub fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let told = self.get(name);
        told.map(|text| {
            let cut: String = text.chars().take(64).collect();
            read(text).ok_or_else(|| wrong(format!("`{name}` is `{cut}`; use {wanted}")))
        })
        .transpose()
    }
}

/// 400 with this sentence.
pub(super) fn wrong(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// `30s 15m 4h 7d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.strip_suffix(|c: char| matches!(c, 's' | 'm' | 'h' | 'd'))?;
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    let seconds = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        _ => 86_400,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_nothing_else() {
        let cases = [
            ("30s", Some(30)),
            ("15m", Some(900)),
            ("4h", Some(14_400)),
            ("7d", Some(604_800)),
            ("0s", Some(0)),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "+1s",
            "1.5h",
            "30 s",
            "99999999999999999999d",
            "184467440737095516d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_value_is_none_and_the_first_of_two_counts() {
        let pairs = Pairs::read(b"a=&b=1&b=2&c=%C3%A4+x");
        assert_eq!(
            (pairs.get("a"), pairs.get("b"), pairs.get("c")),
            (None, Some("1"), Some("ä x"))
        );
        assert!(pairs.need("a").is_err());
    }
}
