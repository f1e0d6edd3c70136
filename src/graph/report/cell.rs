//! One cell of a report, and a line of CSV.

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::Known;
use crate::graph::csv::written;

/// What stands in a cell: nothing and unknown are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// There is none.
    Nothing(()),
    /// True or false.
    Flag(bool),
    /// A number.
    Whole(u64),
    /// A text.
    Text(String),
    /// Texts, in order.
    List(Vec<String>),
    /// It could not be learned.
    Unknown {
        /// Why not.
        unknown: String,
    },
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A fact, seen through `view`.
    pub fn of<T>(fact: Known<T>, view: impl FnOnce(T) -> Self) -> Self {
        match fact {
            Known::Value(value) => view(value),
            Known::Nothing => Self::Nothing(()),
            Known::Unknown(why) => Self::Unknown { unknown: why.as_str().to_owned() },
        }
    }

    /// As people read it; the word `unknown` stands for what could not be learned.
    pub fn shown(&self) -> String {
        match self {
            Self::Nothing(()) => String::new(),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::List(items) => items.join(", "),
            Self::Unknown { .. } => "unknown".to_owned(),
        }
    }

    /// As programs read it in CSV: flags as `true` and `false`.
    fn plain(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => items.join("; "),
            Self::Nothing(()) | Self::Whole(_) | Self::Text(_) | Self::Unknown { .. } => {
                self.shown()
            }
        }
    }
}

/// A line of RFC 4180, with its end. What a spreadsheet would take for a formula is given a `'` before it.
pub fn csv_line(cells: &[Cell]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| written(&cell.plain())).collect();
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_csv_survives_every_sign_and_runs_no_formula() {
        let cells = [
            Cell::text("a,b"),
            Cell::text("say \"hi\""),
            Cell::text("=1+1"),
            Cell::text("-x"),
            Cell::text("two\nlines"),
            Cell::Nothing(()),
            Cell::Flag(true),
            Cell::Whole(7),
            Cell::List(vec!["x".to_owned(), "y".to_owned()]),
            Cell::Unknown { unknown: "no scope".to_owned() },
        ];
        let wanted =
            "\"a,b\",\"say \"\"hi\"\"\",'=1+1,'-x,\"two\nlines\",,true,7,\"x; y\",unknown\r\n";
        assert_eq!(csv_line(&cells), wanted);
    }
}
