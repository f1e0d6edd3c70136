//! Data Center's branch restrictions, as far as they stop a push. Admins are not let through: only the listed are.

use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::DcRestriction;
use crate::simulator::git::Moved;
use crate::simulator::git::short;
use crate::simulator::oracle::dc_groups;
use crate::simulator::refusal::Refusal;

/// Every rule of repository and project that matches must let the change through.
pub(crate) fn allow(
    dc: &DataCenter,
    found: &DcRepository,
    moved: &Moved,
    by: &str,
) -> Result<(), Refusal> {
    let inherited =
        dc.project(&found.project).into_iter().flat_map(|project| &project.restrictions);
    let stopping = found.restrictions.iter().chain(inherited).find(|rule| {
        matches(found, rule, &moved.reference) && stops(rule, moved) && !exempt(dc, rule, by)
    });
    match stopping {
        Some(rule) => {
            Err(Refusal::Restricted { rule: rule.kind.clone(), reference: moved.reference.clone() })
        }
        None => Ok(()),
    }
}

fn stops(rule: &DcRestriction, moved: &Moved) -> bool {
    match rule.kind.as_str() {
        "read-only" | "pull-request-only" => true,
        "no-deletes" => moved.new.is_none(),
        "fast-forward-only" => moved.forced || moved.new.is_none(),
        "no-creates" => moved.old.is_none(),
        _ => false,
    }
}

fn exempt(dc: &DataCenter, rule: &DcRestriction, by: &str) -> bool {
    let groups = dc_groups(dc, by);
    rule.users.iter().any(|user| user == by)
        || rule.groups.iter().any(|group| groups.contains(&group.to_lowercase()))
}

fn matches(found: &DcRepository, rule: &DcRestriction, reference: &str) -> bool {
    let id = rule.matcher_id.as_str();
    let branch = reference.starts_with("refs/heads/");
    match rule.matcher_type.as_str() {
        "ANY_REF" => true,
        "BRANCH" => reference == id,
        "PATTERN" => pattern(id, reference) || pattern(id, short(reference)),
        "MODEL_BRANCH" => branch && id == "development" && short(reference) == found.default_branch,
        "MODEL_CATEGORY" => {
            let prefix = format!("{}/", id.to_lowercase());
            branch && short(reference).starts_with(&prefix)
        }
        _ => false,
    }
}

/// Ant-style: `*` stays within a segment, `**` crosses, `?` is one character, a trailing `/` means `/**`.
fn pattern(pattern: &str, text: &str) -> bool {
    let whole = if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() };
    let (pattern, text): (Vec<char>, Vec<char>) = (whole.chars().collect(), text.chars().collect());
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', '*', rest @ ..], _) => {
            fits(rest, text) || text.split_first().is_some_and(|(_, more)| fits(pattern, more))
        }
        (['*', rest @ ..], _) => {
            fits(rest, text)
                || text
                    .split_first()
                    .is_some_and(|(&next, more)| next != '/' && fits(pattern, more))
        }
        (['?', rest @ ..], [next, more @ ..]) => *next != '/' && fits(rest, more),
        ([wanted, rest @ ..], [next, more @ ..]) => wanted == next && fits(rest, more),
        _ => false,
    }
}
