//! A metrics page, read.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::list::FAULTS;

/// Values by series, labels in the page's order.
#[derive(Debug, Default)]
pub struct Page(pub BTreeMap<String, f64>);

impl Page {
    pub fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self(
            samples
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').unwrap();
                    (series.to_owned(), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// The value of one series.
    pub fn value(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("no `{series}`"))
    }

    /// The labels of a metric, `le` apart; none if it is not there.
    pub fn labels_of(&self, name: &str) -> Option<BTreeSet<String>> {
        let mut mine = self.0.keys().filter(|series| family(series) == name).peekable();
        mine.peek()?;
        Some(
            mine.flat_map(|series| labels(series))
                .map(|(label, _)| label)
                .filter(|label| label != "le")
                .collect(),
        )
    }

    /// Every label and its values.
    pub fn all_labels(&self) -> BTreeSet<(String, String)> {
        self.0.keys().flat_map(|series| labels(series)).collect()
    }
}

/// The metric that a series belongs to.
fn family(series: &str) -> &str {
    let name = series.split('{').next().unwrap();
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    histogram.filter(|name| name.ends_with("_seconds")).unwrap_or(name)
}

/// Labels of a series. Values of ours hold neither quotes nor commas.
fn labels(series: &str) -> Vec<(String, String)> {
    let Some((_, inside)) = series.split_once('{') else { return Vec::new() };
    let pairs = inside.trim_end_matches('}').split(',').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// Every series of a fault that says something else than in quiet, with what it says.
pub fn moved(page: &Page) -> Vec<String> {
    let told = page.0.iter().filter_map(|(series, value)| {
        let (_, quiet) = FAULTS.iter().find(|(name, _)| *name == family(series))?;
        ((value - quiet).abs() > 0.001).then(|| format!("{series} {value}"))
    });
    told.collect()
}
