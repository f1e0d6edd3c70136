//! Shows where in the file a key stands, so that a wrong value is found without searching. Keys are written as errors
//! write them: `connection[0].hook[1].secrets`.

use std::fmt::Write;
use std::ops::Range;

use toml::de::DeTable;
use toml::de::DeValue;

/// The line of the key with a mark below it; of a key that the file does not have, the line of the deepest part that it
/// has. Nothing if it has none of it, or is no TOML.
pub fn shown(file: &str, text: &str, key: &str) -> Option<String> {
    let span = found(text, key)?;
    let before = text.get(..span.start)?;
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let whole = text.get(start..)?.lines().next().unwrap_or_default();
    let column = text.get(start..span.start)?.chars().count();
    let room = whole.chars().count().saturating_sub(column);
    let length = text.get(span)?.chars().count().clamp(1, room.max(1));
    let margin = line.to_string().len();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:margin$}--> {file}:{line}:{}", "", column + 1);
    let _ = writeln!(out, "{:margin$} |", "");
    let _ = writeln!(out, "{line} | {whole}");
    let _ = write!(out, "{:margin$} | {:column$}{}", "", "", "^".repeat(length));
    Some(out)
}

fn found(text: &str, key: &str) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut table = Some(root.get_ref());
    let mut found = None;
    for part in key.split('.') {
        let (name, places) = part.split_once('[').unwrap_or((part, ""));
        let Some((written, value)) =
            table.and_then(|table| table.iter().find(|(written, _)| *written.get_ref() == name))
        else {
            break;
        };
        found = Some(written.span());
        let mut value = value;
        for place in places.split(['[', ']']).filter_map(|place| place.parse::<usize>().ok()) {
            let DeValue::Array(items) = value.get_ref() else { return found };
            let Some(item) = items.get(place) else { return found };
            value = item;
            found = Some(value.span());
        }
        table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => None,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[public]\nurl = \"x\"\n\n[[connection]]\nid = \"a\"\n[[connection]]\nid = \"b\"\n[[connection.hook]]\n  secrets = [{ file = \"é\" }, { file = \"no\" }]\n";

    #[test]
    fn a_key_is_shown_where_it_stands() {
        assert_eq!(
            shown("p.toml", TEXT, "public.url").unwrap(),
            " --> p.toml:2:1\n  |\n2 | url = \"x\"\n  | ^^^"
        );
        let secret = shown("p.toml", TEXT, "connection[1].hook[0].secrets").unwrap();
        assert_eq!(
            secret,
            " --> p.toml:9:3\n  |\n9 |   secrets = [{ file = \"é\" }, { file = \"no\" }]\n  |   ^^^^^^^"
        );
        let second = shown("p.toml", TEXT, "connection[1].hook[0].secrets[1]").unwrap();
        assert!(second.ends_with("|                            ^^^^^^^^^^^^^^^"), "{second}");
    }

    #[test]
    fn of_a_key_that_is_not_there_the_place_where_it_belongs_is_shown() {
        assert!(shown("p.toml", TEXT, "public.certificate").unwrap().contains("1 | [public]"));
        assert_eq!(shown("p.toml", TEXT, "store.url"), None);
        assert_eq!(shown("p.toml", "no = [toml", "no"), None);
    }
}
