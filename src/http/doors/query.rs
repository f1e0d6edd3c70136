//! What stands behind the `?` and in forms: pairs, each read once, each wrong value named.

use std::time::Duration;

use http::StatusCode;
use url::form_urlencoded;

use crate::http::doors::offer::Parameter;
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

    /// The first value of a name; an empty one, as forms send them, is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        first.filter(|value| !value.is_empty())
    }

    /// Refuses names that nobody asked for.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let other = self.0.iter().find(|(name, _)| !known.contains(&name.as_str()));
        other.map_or(Ok(()), |(name, _)| {
            let cut: String = name.chars().take(64).collect();
            Err(wrong(format!("the form cannot have `{cut}`; it can have {}", known.join(", "))))
        })
    }

    /// The same pairs, one value said otherwise: what people write in a form, as programs write it.
    pub fn reworded(mut self, name: &str, reword: impl Fn(&str) -> String) -> Self {
        for (key, value) in &mut self.0 {
            if key == name && !value.is_empty() {
                *value = reword(value);
            }
        }
        self
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

/// Refuses a query that names what is not asked for, names something twice, or leaves a value empty: a misspelt filter
/// would otherwise be answered with everything.
pub(super) fn judge(query: Option<&str>, known: &[Parameter]) -> Result<(), Problem> {
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let cut: String = name.chars().take(64).collect();
        if !known.iter().any(|one| one.name == name) {
            return Err(wrong(format!("the query cannot have `{cut}`; {}", listed(known))));
        }
        if value.is_empty() {
            return Err(wrong(format!("`{cut}` is empty; leave it out or give it a value")));
        }
        if seen.contains(&cut) {
            return Err(wrong(format!("`{cut}` is there twice")));
        }
        seen.push(cut);
    }
    Ok(())
}

fn listed(known: &[Parameter]) -> String {
    if known.is_empty() {
        return "nothing is asked for here".to_owned();
    }
    let names: Vec<_> = known.iter().map(|one| one.name).collect();
    format!("it can have {}", names.join(", "))
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
    use crate::http::doors::offer::Text;

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
    fn a_query_is_judged_by_what_is_asked_for() {
        let known = [Parameter::may("limit", Text::Any, "Rows.")];
        let judged = |query| judge(Some(query), &known).map_err(|problem| problem.detail);
        for good in ["", "limit=5"] {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
        for (bad, said) in [
            ("limt=5", "the query cannot have `limt`; it can have limit"),
            ("limit=", "`limit` is empty; leave it out or give it a value"),
            ("limit=1&limit=2", "`limit` is there twice"),
        ] {
            assert_eq!(judged(bad).unwrap_err(), said);
        }
        assert_eq!(judge(None, &[]), Ok(()));
        assert!(judge(Some("a=b"), &[]).unwrap_err().detail.ends_with("nothing is asked for here"));
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
