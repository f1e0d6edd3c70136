//! Cloud's REST API: a repository's content, as far as commits, refs and pull requests go.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Paging;
use crate::simulator::answer::Reply;
use crate::simulator::answer::cloud_error;
use crate::simulator::answer::cloud_missing;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud_access as access;
use crate::simulator::cloud_history;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_rest::Ask;
use crate::simulator::cloud_rest::Place;
use crate::simulator::company::Company;

/// `GET /2.0/repositories/{workspace}`: what the caller may see.
pub(crate) fn list(company: &Company, ask: &Ask<'_>, name: &str) -> Reply {
    let by = ask.scoped(access::REPOSITORY)?;
    let home = access::enter(company, name, by)?;
    let seen =
        home.repositories.iter().filter(|found| access::level(home, found, by) > Level::None);
    let values = seen.map(|found| shape::full_repository(ask.here, home, found)).collect();
    ask.filtered_page(values, Paging::COUNTED)
}

/// Everything below a repository that is content.
pub(crate) fn answer(company: &Company, ask: &Ask<'_>, place: Place<'_>, rest: &[&str]) -> Reply {
    if let ["pullrequests", more @ ..] = rest {
        return pull_requests(company, ask, place, more);
    }
    if let ["commit", hash, "pullrequests"] = rest {
        return cloud_history::of_commit(company, ask, place, hash);
    }
    let by = ask.scoped(access::REPOSITORY)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    let commit = |hash: &str| found.git.commit(hash).ok_or_else(|| no_commit(hash));
    match rest {
        [] => Answer::ok(&shape::full_repository(ask.here, home, found)),
        ["refs", "branches"] => refs(company, ask, place, "refs/heads/"),
        ["refs", "tags"] => refs(company, ask, place, "refs/tags/"),
        ["refs", folder @ ("branches" | "tags"), name @ ..] if !name.is_empty() => {
            let prefix = if *folder == "branches" { "refs/heads/" } else { "refs/tags/" };
            let reference = format!("{prefix}{}", name.join("/"));
            let target = found.git.target(&reference).ok_or_else(cloud_missing)?;
            Answer::ok(&shape::reference(ask.here, home, found, &reference, &target.commit))
        }
        ["src", hash, path @ ..] => file(found, commit(hash)?.hash.as_str(), &path.join("/")),
        ["commit", hash] => Answer::ok(&shape::commit(ask.here, home, found, commit(hash)?)),
        ["commits", revision @ ..] => {
            let until = until(found, &revision.join("/"))?;
            let hidden = excluded(found, ask)?;
            let listed = found.git.between(&until, &hidden).into_iter();
            let values =
                listed.map(|commit| shape::commit(ask.here, home, found, commit)).collect();
            ask.page(values, Paging::UNCOUNTED)
        }
        _ => Err(cloud_missing()),
    }
}

/// The raw file, of a type that follows from its name. Only the definition of pipelines is there, and only at the tip of
/// the main branch.
fn file(found: &Repository, commit: &str, path: &str) -> Reply {
    let tip = found.mainbranch.as_deref().and_then(|branch| found.head(branch));
    let text = found.definition.as_deref().filter(|_| tip == Some(commit));
    let text = text.filter(|_| path == "bitbucket-pipelines.yml");
    let text =
        text.ok_or_else(|| cloud_error(404, &format!("No such file or directory: {path}")))?;
    let body = text.as_bytes().to_vec();
    Ok(Answer { status: 200, content_type: "application/octet-stream", body, ..Answer::default() })
}

pub(crate) fn no_commit(hash: &str) -> Answer {
    cloud_error(404, &format!("Commit not found: {hash}"))
}

fn refs(company: &Company, ask: &Ask<'_>, place: Place<'_>, prefix: &str) -> Reply {
    let by = ask.scoped(access::REPOSITORY)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    let values: Vec<Value> = found
        .git
        .refs_below(prefix)
        .map(|(name, target)| shape::reference(ask.here, home, found, name, &target.commit))
        .collect();
    ask.filtered_page(values, Paging::COUNTED)
}

fn until(found: &Repository, revision: &str) -> Result<String, Answer> {
    let name = match revision {
        "" => found.mainbranch.as_deref().ok_or_else(cloud_missing)?,
        other => other,
    };
    found.git.resolve(name).map(|commit| commit.hash.clone()).ok_or_else(|| no_commit(name))
}

/// `exclude=` may repeat.
fn excluded(found: &Repository, ask: &Ask<'_>) -> Result<Vec<String>, Answer> {
    let asked = ask.request.query.iter().filter(|(name, _)| name == "exclude");
    asked.map(|(_, value)| until(found, value)).collect()
}

/// The list leaves out reviewers and participants unless `fields=` asks for them, and shows open ones unless `state=`
/// asks otherwise.
fn pull_requests(company: &Company, ask: &Ask<'_>, place: Place<'_>, more: &[&str]) -> Reply {
    let by = ask.scoped(access::PULLS)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    let pull = |id: &str| {
        let id: u64 = id.parse().map_err(|_| cloud_missing())?;
        found.pull_requests.iter().find(|pull| pull.id == id).ok_or_else(cloud_missing)
    };
    match more {
        [] => {
            let asked: Vec<&str> = ask
                .request
                .query
                .iter()
                .filter(|(name, _)| name == "state")
                .map(|(_, value)| value.as_str())
                .collect();
            let wanted = if asked.is_empty() { vec!["OPEN"] } else { asked };
            let listed =
                found.pull_requests.iter().filter(|pull| wanted.contains(&pull.state.word()));
            let mut listed: Vec<_> = listed.collect();
            if ask.request.param("sort") == Some("-updated_on") {
                listed.sort_by_key(|pull| std::cmp::Reverse(pull.updated_on));
            }
            let more = ask.request.param("fields").unwrap_or_default();
            let kept = |name: &str| {
                !["reviewers", "participants"].contains(&name)
                    || more.split(',').any(|field| field == format!("+values.{name}"))
            };
            let values = listed
                .into_iter()
                .map(|pull| {
                    let mut value = shape::pull_request(ask.here, company, home, found, pull);
                    if let Some(object) = value.as_object_mut() {
                        object.retain(|name, _| kept(name));
                    }
                    value
                })
                .collect();
            ask.page(values, Paging::PULLS)
        }
        [id, "activity"] => {
            let values = cloud_history::activity(company, ask.here, (home, found), pull(id)?);
            ask.page(values, Paging::ACTIVITY)
        }
        [id] => Answer::ok(&shape::pull_request(ask.here, company, home, found, pull(id)?)),
        [id, "commits"] => {
            let pull = pull(id)?;
            let hidden = vec![pull.destination.commit.clone()];
            let origin = pull.source.repository.as_deref();
            let (home, source) =
                origin.and_then(|name| company.find_repository(name)).unwrap_or((home, found));
            let listed = source.git.between(&pull.source.commit, &hidden).into_iter();
            let values =
                listed.map(|commit| shape::commit(ask.here, home, source, commit)).collect();
            ask.page(values, Paging::UNCOUNTED)
        }
        [id, "statuses"] => {
            let commit = &pull(id)?.source.commit;
            let listed = found.statuses.iter().filter(|status| status.commit == *commit);
            let values = listed
                .map(|status| {
                    let more = json!({"commit": {"type": "commit", "hash": status.commit}});
                    shape::with(shape::status(ask.here, home, found, status), more)
                })
                .collect();
            ask.page(values, Paging::COUNTED)
        }
        _ => Err(cloud_missing()),
    }
}
