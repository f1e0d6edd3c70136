//! What findings forget: what was fixed long ago, scans as old as that, everything of a connection that has ended; and
//! the names of one person, whenever asked.

use rusqlite::Connection;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::posture::Kept;
use crate::posture::State;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::findings::opened;
use crate::store::findings::put;
use crate::store::findings::row_of;
use crate::store::findings::state;
use crate::store::retention;

/// Rows taken away or rewritten in one job.
const STEP_ROWS: usize = 100;

/// What stands where a name was.
const ERASED: &str = "(erased)";

impl Store {
    /// Forgets findings that were fixed before then and still are, and scans from before then.
    pub(in crate::store) async fn forget_findings(&self, before: Time) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM finding WHERE no IN (SELECT no FROM finding
             WHERE state = {} AND since < ?1 LIMIT {STEP_ROWS})",
            state(State::Fixed)
        );
        let scans = format!(
            "DELETE FROM scan WHERE no IN (SELECT no FROM scan WHERE at < ?1 LIMIT {STEP_ROWS})"
        );
        for sql in [sql, scans] {
            loop {
                let sql = sql.clone();
                let gone = self.write(move |desk| {
                    let gone = desk.db.prepare_cached(&sql)?.execute([before.millis()])? as u64;
                    let findings = Swept { findings: gone, ..Swept::default() };
                    retention::count(desk.db, &findings)?;
                    Ok(gone)
                });
                if gone.await? < STEP_ROWS as u64 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes a person out of every finding: names, and whatever reasons say of them; what a rule says is said again by
    /// the next scan, as far as the graph still tells it. How many findings lost something.
    pub(in crate::store) async fn erase_from_findings(
        &self,
        identity: &str,
    ) -> Result<u64, StoreError> {
        let (seal, wanted) = (self.seal()?.clone(), identity.to_owned());
        let opening = seal.clone();
        let find = move |db: &Connection| speaking_of(db, &opening, &wanted);
        let found = self.inner.readers.walk(find).await?;
        let count = found.len() as u64;
        for step in found.chunks(STEP_ROWS) {
            let erased = step.iter().map(|kept| row_of(&without(kept.clone(), identity), &seal));
            let rows = erased.collect::<Result<Vec<_>, _>>()?;
            self.write(move |desk| rows.iter().try_for_each(|row| put(desk.db, row))).await?;
        }
        Ok(count)
    }
}

/// What was kept of a connection goes with it.
pub(in crate::store) fn end(db: &Connection, id: &ConnectionId) -> Result<(), StoreError> {
    for sql in
        ["DELETE FROM finding WHERE connection = ?1", "DELETE FROM scan WHERE connection = ?1"]
    {
        db.prepare_cached(sql)?.execute([id.as_str()])?;
    }
    Ok(())
}

/// Findings about a person, of a person, or in whose words their id or one of their names stands.
fn speaking_of(db: &Connection, seal: &Seal, identity: &str) -> Result<Vec<Kept>, StoreError> {
    let mut all = Vec::new();
    let mut query = db.prepare_cached("SELECT id, finding_sealed FROM finding")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        all.push(opened(seal, &row.get::<_, String>(0)?, &row.get::<_, Vec<u8>>(1)?)?);
    }
    let is = |id: &crate::graph::Id| id.as_str() == identity;
    let mut names: Vec<String> = Vec::new();
    for kept in &all {
        if is(&kept.subject.id) {
            names.push(kept.subject.name.clone());
        }
        if kept.owner.id.as_ref().is_some_and(is) {
            names.push(kept.owner.name.clone());
        }
    }
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty() && name != ERASED);
    all.retain(|kept| {
        let words = kept.reasons.iter().map(|reason| reason.text.clone());
        let facts = kept.facts.iter().map(|fact| fact.value.to_string());
        let says = |text: String| {
            text.contains(identity) || names.iter().any(|name| text.contains(name.as_str()))
        };
        is(&kept.subject.id)
            || kept.owner.id.as_ref().is_some_and(is)
            || words.chain(facts).any(says)
    });
    Ok(all)
}

fn without(mut kept: Kept, identity: &str) -> Kept {
    if kept.subject.id.as_str() == identity {
        ERASED.clone_into(&mut kept.subject.name);
    }
    if kept.owner.id.as_ref().is_some_and(|id| id.as_str() == identity) {
        ERASED.clone_into(&mut kept.owner.name);
        ERASED.clone_into(&mut kept.owner.why);
    }
    for reason in &mut kept.reasons {
        ERASED.clone_into(&mut reason.text);
    }
    kept.facts.clear();
    kept
}
