//! A connection that is changed while the gate runs: what is read of it beyond the usual, which hosts are the
//! organisation's own, and where its audit log is. What is left out of a change stays.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptAudit;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::ties::TieError;
use crate::gateway::ties::wish;
use crate::graph::ConnectionId;

/// What shall be another way.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ConnectionChange", example = json!({"classes": ["pipeline-definition"], "own_hosts": ["*.acme.example"], "reason": "agreed with security"}))]
#[serde(deny_unknown_fields)]
pub struct ChangeWish {
    /// Classes that are read beyond those that always are; an empty list: none.
    #[serde(default)]
    pub classes: Option<Vec<String>>,
    /// Hosts of one's own; an empty list: none are named.
    #[serde(default)]
    pub own_hosts: Option<Vec<String>>,
    /// Where its audit log is read.
    #[serde(default)]
    pub audit: Option<KeptAudit>,
    /// Its audit log is read no more.
    #[serde(default)]
    pub no_audit: bool,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    pub reason: String,
}

/// A connection as it is read from now on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionChanged")]
pub struct Changed {
    /// Its id.
    pub id: ConnectionId,
    /// Classes that are read beyond those that always are.
    pub classes: Vec<String>,
    /// Hosts of one's own.
    pub own_hosts: Vec<String>,
    /// Where its audit log is read: `organization`, `rest`, `folder`; null: nowhere.
    pub audit: Option<&'static str>,
}

impl Gateway {
    /// Changes what is read of a connection, and reads it anew.
    pub async fn change_connection(
        &self,
        id: &ConnectionId,
        wish: &ChangeWish,
        by: &By,
    ) -> Result<Changed, TieError> {
        if wish.no_audit && wish.audit.is_some() {
            return Err(TieError::Wish("either an audit log is read, or none is".to_owned()));
        }
        wish::judge_audit(wish.audit.as_ref())?;
        let _alone = self.ties.changing.lock().await;
        let before = self.tie(id)?;
        let kept = changed(&before, wish);
        let known = self.connections.get(id).and_then(|known| known.client.clone());
        let client = known.ok_or_else(|| TieError::None(id.clone()))?;
        // Judged by doing it: what cannot be leaves the client as it was.
        kept.tune(&client)?;
        let shown = json!({
            "classes": kept.classes, "own_hosts": kept.own_hosts.len(),
            "audit": kept.audit.as_ref().map(KeptAudit::kind),
        });
        let governed = self.governed((by, &wish.reason), shown)?;
        let change = Some(("connection changed", governed));
        if let Err(error) = self.keep_tie(id, kept.clone(), change).await {
            before.tune(&client)?;
            return Err(error);
        }
        // An organisation's log is asked by a client of its own, which nobody counts yet.
        client.measure(self.meters.bitbucket());
        self.outgoing.hear(id, &client);
        self.sync_soon(id);
        Ok(Changed {
            id: id.clone(),
            audit: kept.audit.as_ref().map(KeptAudit::kind),
            classes: kept.classes,
            own_hosts: kept.own_hosts,
        })
    }
}

fn changed(before: &Kept, wish: &ChangeWish) -> Kept {
    let mut kept = before.clone();
    kept.classes = wish.classes.clone().unwrap_or(kept.classes);
    kept.own_hosts = wish.own_hosts.clone().unwrap_or(kept.own_hosts);
    kept.audit = if wish.no_audit { None } else { wish.audit.clone().or(kept.audit) };
    kept
}
