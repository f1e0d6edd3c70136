//! Times as lists write them. Only forms that can be read one way: of `03/04/2026` nobody knows the month.

use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::graph::Time;

/// What is wanted where a text is no time.
pub const WANTED: &str = "write it like `2026-11-21` or `2026-11-21T18:05:00Z`";

/// A time: RFC 3339; without a zone it is UTC, as Bitbucket's export has it; a day alone is its first moment.
pub fn time(text: &str) -> Option<Time> {
    if let Ok(time) = text.parse::<Time>() {
        return Some(time);
    }
    day(text).or_else(|| named_day(text)).or_else(|| civil(text))
}

fn day(text: &str) -> Option<Time> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = plain.then(|| text.parse::<Date>().ok()).flatten()?;
    utc(date.to_datetime(jiff::civil::Time::midnight()))
}

/// `21 Nov 2026` and `Nov 21, 2026`, as Atlassian's pages write days, and `21.11.2026`: with dots the day stands first
/// wherever it is written.
fn named_day(text: &str) -> Option<Time> {
    let read = |format: &str| Date::strptime(format, text).ok();
    let date = read("%d %b %Y").or_else(|| read("%b %d, %Y")).or_else(|| read("%d %B %Y"));
    let date = date.or_else(|| read("%d.%m.%Y"))?;
    utc(date.to_datetime(jiff::civil::Time::midnight()))
}

fn civil(text: &str) -> Option<Time> {
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let has_time = text.contains(':') && text.starts_with(|first: char| first.is_ascii_digit());
    has_time.then(|| text.parse::<DateTime>().ok()).flatten().and_then(utc)
}

fn utc(at: DateTime) -> Option<Time> {
    let zoned = at.to_zoned(TimeZone::UTC).ok()?;
    Some(Time::from_millis(zoned.timestamp().as_millisecond()))
}

/// A day as it stands in a sentence.
pub fn day_of(time: Time) -> String {
    let text = time.to_string();
    text.get(..10).map_or(text.clone(), str::to_owned)
}
