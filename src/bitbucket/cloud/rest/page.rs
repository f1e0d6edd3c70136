//! Cloud's lists: `next` is followed as told, but only to Bitbucket's own address, and to the end or not at all.

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::MAX_PAGES;

/// The largest page that most lists take.
const PAGE_LENGTH: &str = "100";

/// The largest page that lists of pull requests take.
const SHORT_PAGE_LENGTH: &str = "50";

#[derive(serde::Deserialize)]
struct Page<T> {
    values: Vec<T>,
    next: Option<String>,
}

impl Cloud {
    /// All rows of a list. A page that fails fails the list: half a list of grants would be a lie.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        call: Call,
        deadline: Deadline,
    ) -> Result<Vec<T>, FetchError> {
        self.pages(call, PAGE_LENGTH, deadline).await
    }

    /// The same, for pull requests and what happened to them.
    pub(crate) async fn short_list<T: DeserializeOwned>(
        &self,
        call: Call,
        deadline: Deadline,
    ) -> Result<Vec<T>, FetchError> {
        self.pages(call, SHORT_PAGE_LENGTH, deadline).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        mut call: Call,
        length: &str,
        deadline: Deadline,
    ) -> Result<Vec<T>, FetchError> {
        call.url.query_pairs_mut().append_pair("pagelen", length);
        let (journal, first) = (self.transport().journal(&call), call.url.clone());
        if let Some(known) = journal.as_ref().and_then(|journal| journal.recall(&first)) {
            return Ok(known);
        }
        let (mut rows, mut raw) = (Vec::new(), Vec::new());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..MAX_PAGES {
            let answer = self.transport().read(&call, deadline).await?;
            // What is still being computed looks like an empty list, and is none.
            if answer.status == 202 {
                let why = "it is not computed yet".to_owned();
                return Err(FetchError::Form { what: call.what, why });
            }
            let page: Page<T> = answer.decode(call.what)?;
            rows.extend(page.values);
            if journal.is_some() {
                raw.extend(answer.decode::<Page<Value>>(call.what)?.values);
            }
            let Some(next) = page.next else {
                // Whole lists alone: half a list of grants would be a lie.
                if let Some(journal) = journal {
                    journal.note::<Vec<T>>(&first, &Value::Array(raw));
                }
                return Ok(rows);
            };
            let next = self.own(&next, &call)?;
            if !seen.insert(next.clone()) {
                break;
            }
            call.url = next;
        }
        Err(FetchError::TooLong { what: call.what, limit: MAX_PAGES })
    }

    /// Whether a list has any row. One page of one row is enough.
    pub(crate) async fn any(&self, mut call: Call, deadline: Deadline) -> Result<bool, FetchError> {
        call.url.query_pairs_mut().append_pair("pagelen", "1");
        let page: Page<serde::de::IgnoredAny> = self.transport().get(&call, deadline).await?;
        Ok(!page.values.is_empty())
    }

    /// A next page: of our own origin, below our own base.
    fn own(&self, next: &str, call: &Call) -> Result<Url, FetchError> {
        let foreign = FetchError::ForeignPage { what: call.what };
        let Ok(url) = Url::parse(next) else { return Err(foreign) };
        let base = self.api();
        let inside = url.path().strip_prefix(base.path()).is_some_and(|rest| rest.starts_with('/'));
        let plain = url.username().is_empty() && url.password().is_none();
        if url.origin() == base.origin() && inside && plain { Ok(url) } else { Err(foreign) }
    }
}
