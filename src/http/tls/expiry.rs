//! When a certificate ends: RFC 5280's `validity`, and nothing else of it. rustls reads the rest, and clients judge it.
//!
//! A small reader instead of a library: one field, of a file that the operator put there.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::graph::Time;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The end of a certificate, in DER. None: it cannot be found.
pub(super) fn of(certificate: &[u8]) -> Option<Time> {
    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (signed, _) = take(certificate, SEQUENCE)?;
    // The version is left out of certificates of version 1.
    let rest = take(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_serial, rest) = take(rest, INTEGER)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (validity, _) = take(rest, SEQUENCE)?;
    let (_, _begin, rest) = next(validity)?;
    let (tag, end, _) = next(rest)?;
    time(tag, std::str::from_utf8(end).ok()?)
}

/// Contents of the first value, which must have this tag, and what follows it.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    next(bytes).filter(|(found, _, _)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// Tag and contents of the first value, and what follows it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Four bytes of length are more than any file that is read.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// `YYMMDDHHMMSSZ` with years from 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Time> {
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    let at = TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(Time::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(year: i32) -> Option<Time> {
        let mut wanted = rcgen::CertificateParams::new(["gate.test".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(year, 3, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        of(wanted.self_signed(&key).unwrap().der())
    }

    fn at(text: &str) -> Time {
        Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        assert_eq!(ends(2031), Some(at("2031-03-01T00:00:00Z")));
        assert_eq!(ends(2061), Some(at("2061-03-01T00:00:00Z")), "from 2050 on another form");
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let made = rcgen::generate_simple_self_signed(["gate.test".to_owned()]).unwrap();
        let whole = made.cert.der();
        assert!(of(whole).is_some());
        for cut in 0..whole.len().min(120) {
            assert_eq!(of(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(of(b"-----BEGIN CERTIFICATE-----"), None);
        assert_eq!(of(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
