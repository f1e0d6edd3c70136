//! `portcullis findings catalogue`: what can be found, for people, programs and feed readers. Offline.

use portcullis::graph::Time;
use portcullis::posture::Catalogue;
use portcullis::posture::feed::History;
use portcullis::posture::markdown;

use crate::cli::CatalogueFormat;
use crate::cli::FindingCatalogue;
use crate::offline;
use crate::operator::table::table_of;

/// What the command puts on standard output.
pub fn written(asked: &FindingCatalogue) -> Result<String, String> {
    let history = || History::shipped().map_err(|error| error.to_string());
    match asked.format {
        CatalogueFormat::Atom => Ok(history()?.atom()),
        CatalogueFormat::JsonFeed => Ok(history()?.json_feed()),
        CatalogueFormat::Table => Ok(table(&catalogue(asked)?)),
        CatalogueFormat::Markdown => Ok(markdown::write(&catalogue(asked)?)),
        CatalogueFormat::Json => {
            let told = serde_json::to_string(&catalogue(asked)?);
            told.map(|text| text + "\n").map_err(|error| error.to_string())
        }
        CatalogueFormat::History => {
            let at = asked.edition.unwrap_or(Time::from_millis(0));
            let history = history()?.with(&catalogue(asked)?, at);
            history.write().map_err(|error| error.to_string())
        }
    }
}

fn catalogue(asked: &FindingCatalogue) -> Result<Catalogue, String> {
    offline::catalogue(asked.policies.as_deref())
}

fn table(catalogue: &Catalogue) -> String {
    let columns = ["rule", "severity", "about", "finding", "also known as"].map(str::to_owned);
    let rows = catalogue.rules.iter().map(|listing| {
        let off = if listing.enabled { "" } else { " (off)" };
        let aliases: Vec<&str> = listing.aliases.iter().map(|alias| alias.id.as_str()).collect();
        vec![
            listing.rule.to_string(),
            format!("{}{off}", listing.severity),
            listing.subject.clone(),
            listing.title.clone(),
            aliases.join(", "),
        ]
    });
    table_of(&columns, rows, "no posture rule") + "\n"
}
