//! Which commit each approver of a pull request saw. A pull request says only who approves; its activity says when, and
//! between which moves of the source. What it does not say is unknown, never guessed.

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::told;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Approval;
use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::Why;

/// Fewest digits by which the activity names a commit. With fewer, two commits could be taken for one.
const CUT: usize = 12;

/// Most older commits that are resolved for one pull request: its approvers each saw one, and people are few.
const MAX_OLDER: usize = 20;

/// One line of the activity.
#[derive(serde::Deserialize)]
struct Line {
    update: Option<Update>,
    approval: Option<Approved>,
}

#[derive(serde::Deserialize)]
struct Update {
    date: Option<String>,
    source: Option<Source>,
}

#[derive(serde::Deserialize)]
struct Source {
    commit: Option<Commit>,
}

#[derive(serde::Deserialize)]
struct Commit {
    hash: String,
}

#[derive(serde::Deserialize)]
struct Approved {
    date: Option<String>,
    user: Option<Account>,
}

impl Line {
    fn at(&self) -> Option<Time> {
        let update = self.update.as_ref().and_then(|update| update.date.as_deref());
        told::time(update.or_else(|| self.approval.as_ref()?.date.as_deref()))
    }

    /// The source's tip from then on.
    fn tip(&self) -> Option<&str> {
        Some(&self.update.as_ref()?.source.as_ref()?.commit.as_ref()?.hash)
    }
}

/// Who approved, newest first, with the cut hash of the source's tip at the time.
pub(super) type Seen = Result<Vec<(Id, Option<String>)>, FetchError>;

impl Cloud {
    /// GET `pullrequests/{id}/activity`, to its end. Not asked if nobody approves.
    pub(super) async fn seen(
        &self,
        repository: &Id,
        number: &str,
        nobody: bool,
        deadline: Deadline,
    ) -> Seen {
        if nobody {
            return Ok(Vec::new());
        }
        let path = ["pullrequests", number, "activity"];
        let what = "the activity of the pull request";
        let call = self.ask_in(repository, &path, what, CallClass::Metadata)?;
        let lines = self.short_list(call, deadline).await?;
        Ok(self.read_activity(lines))
    }

    /// An approval saw what the last update before it told.
    fn read_activity(&self, lines: Vec<Line>) -> Vec<(Id, Option<String>)> {
        let mut seen: Vec<(Id, Option<String>)> = Vec::new();
        for line in newest_first(lines) {
            if let Some(tip) = line.tip() {
                for one in seen.iter_mut().filter(|one| one.1.is_none()) {
                    one.1 = Some(tip.to_owned());
                }
            }
            let by = line.approval.and_then(|approval| self.id_of(approval.user.as_ref()));
            seen.extend(by.map(|by| (by, None)));
        }
        seen
    }

    /// Each approval with the 40 digits of the commit it was given for. Who approved twice is taken at the newer one.
    pub(super) async fn approvals(
        &self,
        repository: &Id,
        approvers: Vec<Id>,
        (seen, source): (Seen, &Known<String>),
        deadline: Deadline,
    ) -> Vec<Approval> {
        let mut resolved: Vec<(String, Known<String>)> = Vec::new();
        let mut approvals = Vec::new();
        for by in approvers {
            let commit = match saw(&seen, &by) {
                Err(why) => Known::Unknown(why),
                Ok(cut) => self.in_full(repository, cut, (source, &mut resolved), deadline).await,
            };
            approvals.push(Approval { by: Known::Value(by), commit });
        }
        approvals
    }

    /// All digits of a cut hash: those of the source's tip, or those that Bitbucket tells.
    async fn in_full(
        &self,
        repository: &Id,
        cut: &str,
        (source, resolved): (&Known<String>, &mut Vec<(String, Known<String>)>),
        deadline: Deadline,
    ) -> Known<String> {
        if let Some(full) = source.value().filter(|full| full.starts_with(cut)) {
            return Known::Value(full.clone());
        }
        if let Some((_, full)) = resolved.iter().find(|(known, _)| known == cut) {
            return full.clone();
        }
        if resolved.len() >= MAX_OLDER {
            return Known::unknown("its approvers saw more commits than are looked up");
        }
        let full = match self.commit(repository, cut, deadline).await {
            Ok(commit) => Known::Value(commit.hash),
            Err(error) => Known::Unknown(Why::said(format!(
                "the commit `{cut}`, which was approved, could not be read: {error}"
            ))),
        };
        resolved.push((cut.to_owned(), full.clone()));
        full
    }
}

/// Sorted by their dates, and as they are told where dates are equal. Where one has none, all as they are told, which
/// is newest first.
fn newest_first(mut lines: Vec<Line>) -> Vec<Line> {
    lines.retain(|line| line.update.is_some() || line.approval.is_some());
    if lines.iter().all(|line| line.at().is_some()) {
        lines.sort_by_key(|line| std::cmp::Reverse(line.at()));
    }
    lines
}

/// What this person saw when they last approved.
fn saw<'a>(seen: &'a Seen, by: &Id) -> Result<&'a str, Why> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            return Err(Why::said(format!("which commit was approved is not known: {error}")));
        }
    };
    match seen.iter().find(|one| one.0 == *by) {
        Some((_, Some(cut))) if cut.len() >= CUT && cut.bytes().all(is_digit) => Ok(cut),
        Some((_, Some(_))) => {
            Err(Why::fixed("the activity does not name a commit that was approved by its hash"))
        }
        Some((_, None)) => {
            Err(Why::fixed("the activity of the pull request tells no commit before the approval"))
        }
        None => Err(Why::fixed("the activity of the pull request does not tell of this approval")),
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}
