//! Data Center's lists: the next page starts where `nextPageStart` says, and nowhere else; short pages are normal.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::MAX_PAGES;

/// Rows a page: more would be cut by the server, or outgrow one answer.
const PAGE_LENGTH: &str = "100";

#[derive(serde::Deserialize)]
struct Page<T> {
    values: Vec<T>,
    #[serde(rename = "isLastPage")]
    last: bool,
    #[serde(rename = "nextPageStart")]
    next: Option<u64>,
}

impl DataCenter {
    /// All rows of a list, or none of them.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        mut call: Call,
        deadline: Deadline,
    ) -> Result<Vec<T>, FetchError> {
        call.url.query_pairs_mut().append_pair("limit", PAGE_LENGTH);
        let first = call.url.clone();
        let journal = self.transport().journal(&call);
        if let Some(known) = journal.as_ref().and_then(|journal| journal.recall(&first)) {
            return Ok(known);
        }
        let mut start = 0;
        let (mut rows, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..MAX_PAGES {
            let answer = self.transport().read(&call, deadline).await?;
            let page: Page<T> = answer.decode(call.what)?;
            rows.extend(page.values);
            if journal.is_some() {
                raw.extend(answer.decode::<Page<Value>>(call.what)?.values);
            }
            if page.last {
                if let Some(journal) = journal {
                    journal.note::<Vec<T>>(&first, &Value::Array(raw));
                }
                return Ok(rows);
            }
            match page.next {
                Some(next) if next > start => start = next,
                Some(_) | None => break,
            }
            call.url = first.clone();
            call.url.query_pairs_mut().append_pair("start", &start.to_string());
        }
        Err(FetchError::TooLong { what: call.what, limit: MAX_PAGES })
    }

    /// Whether a list has any row.
    pub(crate) async fn any(&self, mut call: Call, deadline: Deadline) -> Result<bool, FetchError> {
        call.url.query_pairs_mut().append_pair("limit", "1");
        let page: Page<serde::de::IgnoredAny> = self.transport().get(&call, deadline).await?;
        if page.values.is_empty() && !page.last {
            let why = "its first page is empty and not the last".to_owned();
            return Err(FetchError::Form { what: call.what, why });
        }
        Ok(!page.values.is_empty())
    }
}
