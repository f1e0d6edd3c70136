//! What findings forget: what was fixed long ago, scans as old as that, everything of a connection that has ended; and
//! the names of one person, whenever asked.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::posture::Acceptance;
use crate::posture::Kept;
use crate::posture::State;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::erase::ERASED;
use crate::store::erase::person::Person;
use crate::store::findings::Row;
use crate::store::findings::opened;
use crate::store::findings::row_of;
use crate::store::findings::state;
use crate::store::log;
use crate::store::retention;

/// Rows taken away or rewritten in one job.
const STEP_ROWS: usize = 100;

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

    /// Takes a person out of every finding: names, and whatever is said of them; what a rule says is said again by the
    /// next scan, as far as the graph still tells it. How many findings lost something. What findings call the person is
    /// added to what is known of them. Waits for a scan that is writing.
    pub(in crate::store) async fn erase_from_findings(
        &self,
        person: &mut Person,
    ) -> Result<u64, StoreError> {
        let _alone = self.moving_findings().await;
        let (seal, mut whom) = (self.seal()?.clone(), person.clone());
        let opening = seal.clone();
        let find = move |db: &Connection| {
            let found = speaking_of(db, &opening, &mut whom)?;
            Ok((found, whom))
        };
        let (found, whom) = self.inner.readers.walk(find).await?;
        *person = whom;
        let count = found.len() as u64;
        for step in found.chunks(STEP_ROWS) {
            let erased = step.iter().map(|kept| row_of(&without(kept.clone(), person), &seal));
            let rows = erased.collect::<Result<Vec<_>, _>>()?;
            self.write(move |desk| rows.iter().try_for_each(|row| say(desk.db, row))).await?;
        }
        Ok(count)
    }

    /// The entries of findings in whose sealed parts a person stands: as the subject, as who did it, or in a reason.
    pub(in crate::store) async fn entries_of_findings(
        &self,
        person: &Person,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let person = person.clone();
        self.inner.readers.walk(move |db| entries_speaking_of(db, &person)).await
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

/// Says anew what a finding says; one that was forgotten meanwhile stays so.
fn say(db: &Connection, row: &Row) -> Result<(), StoreError> {
    let sql = "UPDATE finding SET finding_sealed = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute((&row.id, &row.sealed))?;
    Ok(())
}

/// Findings about a person, of a person, or in whose words they stand.
fn speaking_of(db: &Connection, seal: &Seal, person: &mut Person) -> Result<Vec<Kept>, StoreError> {
    let mut all = Vec::new();
    let mut query = db.prepare_cached("SELECT id, finding_sealed FROM finding")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        all.push(opened(seal, &row.get::<_, String>(0)?, &row.get::<_, Vec<u8>>(1)?)?);
    }
    for kept in &all {
        let subject = (kept.subject.id == person.id).then(|| kept.subject.name.clone());
        let owner = is_owned(kept, person).then(|| kept.owner.name.clone());
        person.also(subject.into_iter().chain(owner));
    }
    all.retain(|kept| {
        kept.subject.id == person.id
            || is_owned(kept, person)
            || texts(kept).any(|text| person.is_in(text))
            || kept.facts.iter().any(|fact| person.is_in(&fact.value.to_string()))
    });
    Ok(all)
}

fn is_owned(kept: &Kept, person: &Person) -> bool {
    kept.owner.id.as_ref() == Some(&person.id)
}

/// Every text a finding holds, but its facts.
fn texts(kept: &Kept) -> impl Iterator<Item = &str> {
    let Kept { subject, owner, reasons, unknown, accepted, steps, .. } = kept;
    let accepted = accepted.iter().flat_map(|said| [&said.by, &said.because]);
    [&subject.name, &owner.name, &owner.why]
        .into_iter()
        .chain(reasons.iter().map(|reason| &reason.text))
        .chain(unknown.iter().map(|gap| &gap.why))
        .chain(accepted)
        .chain(steps.iter().flat_map(|step| step.by.iter().chain(&step.because)))
        .map(String::as_str)
}

/// What a rule says goes whole: what stands beside a name may tell whose it is. What people said goes where it speaks of
/// the person or is in their words.
fn without(mut kept: Kept, person: &Person) -> Kept {
    let owned = is_owned(&kept, person);
    let theirs = kept.subject.id == person.id || owned && kept.subject.kind == "credential";
    if theirs || person.is_in(&kept.subject.name) {
        ERASED.clone_into(&mut kept.subject.name);
    }
    if owned || person.is_in(&kept.owner.name) || person.is_in(&kept.owner.why) {
        kept.owner.id = None;
        ERASED.clone_into(&mut kept.owner.name);
        ERASED.clone_into(&mut kept.owner.why);
    }
    for reason in &mut kept.reasons {
        ERASED.clone_into(&mut reason.text);
    }
    for gap in &mut kept.unknown {
        ERASED.clone_into(&mut gap.why);
    }
    kept.facts.clear();
    if let Some(Acceptance { by, because, until: _ }) = &mut kept.accepted {
        unsay(Some(by), Some(because), person);
    }
    for step in &mut kept.steps {
        unsay(step.by.as_mut(), step.because.as_mut(), person);
    }
    kept
}

/// Whoever said it, and why.
fn unsay(by: Option<&mut String>, because: Option<&mut String>, person: &Person) {
    let speaks = |text: &Option<&mut String>| text.as_ref().is_some_and(|text| person.is_in(text));
    let (said_by, said_of) = (speaks(&by), speaks(&because));
    if let Some(by) = by.filter(|_| said_by) {
        ERASED.clone_into(by);
    }
    if let Some(because) = because.filter(|_| said_by || said_of) {
        ERASED.clone_into(because);
    }
}

fn entries_speaking_of(db: &Connection, person: &Person) -> Result<BTreeSet<i64>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT place, bytes FROM sealed WHERE name IN ('subject', 'by', 'reason')
         AND place NOT IN (SELECT place FROM erased)",
    )?;
    let mut rows = query.query([])?;
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(1)?;
        if person.is_in(&String::from_utf8_lossy(&bytes)) {
            found.insert(log::entry_of(row.get(0)?));
        }
    }
    let sql = "SELECT json_extract(CAST(bytes AS TEXT), '$.body.what') IS 'finding'
               FROM entry WHERE idx = ?1";
    let mut query = db.prepare_cached(sql)?;
    let mut entries = BTreeSet::new();
    for entry in found {
        if query.query_row([entry], |row| row.get(0))? {
            entries.insert(entry);
        }
    }
    Ok(entries)
}
