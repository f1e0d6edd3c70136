//! What Data Center's merges need, as its REST API tells it: merge checks, default reviewers and required builds.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Reply;
use crate::simulator::answer::dc_page;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcCondition;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::Release;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_rest::DcAsk;
use crate::simulator::datacenter_rest::missing;
use crate::simulator::datacenter_rest::project_key;

/// `settings/pull-requests`: counts are plain numbers up to 7.x, objects afterwards.
pub(crate) fn settings(dc: &DataCenter, found: &DcRepository) -> Value {
    let checks = &found.checks;
    let count = |count: Option<u64>| match dc.release {
        Release::Seven => json!(count.unwrap_or(0)),
        Release::Nine | Release::Ten => {
            json!({"enabled": count.is_some(), "count": count.unwrap_or(1).to_string()})
        }
    };
    let strategy =
        json!({"id": "no-ff", "name": "Merge commit", "enabled": true, "flag": "--no-ff"});
    json!({
        "mergeConfig": {
            "defaultStrategy": strategy, "strategies": [strategy], "type": "REPOSITORY",
            "commitSummaries": 20,
        },
        "requiredAllApprovers": false, "requiredAllTasksComplete": false,
        "requiredApprovers": count(checks.approvals),
        "requiredSuccessfulBuilds": count(checks.builds),
    })
}

/// `default-reviewers` tells a plain list, `required-builds` pages; whoever reads the repository may ask.
pub(crate) fn conditions(dc: &DataCenter, ask: &DcAsk<'_>, plugin: &str, rest: &[&str]) -> Reply {
    let ("GET", ["projects", key, "repos", slug, "conditions"]) =
        (ask.request.method.as_str(), rest)
    else {
        return Err(missing());
    };
    let found = ask.by.repository(dc, (project_key(dc, key), slug), DcLevel::Read)?;
    if plugin == "default-reviewers" {
        let all = found.checks.reviewers.iter().map(|one| reviewers(dc, found, one));
        return Answer::ok(&Value::Array(all.collect()));
    }
    dc_page(ask.request, found.checks.required_builds.iter().map(|one| Some(builds(one))).collect())
}

fn matcher(one: &DcCondition) -> Value {
    let shown = one.matcher_id.strip_prefix("refs/heads/").unwrap_or(&one.matcher_id);
    json!({
        "id": one.matcher_id, "displayId": shown,
        "type": {"id": one.matcher_type, "name": one.matcher_type},
    })
}

fn reviewers(dc: &DataCenter, found: &DcRepository, one: &DcCondition) -> Value {
    let any = json!({
        "id": "ANY_REF_MATCHER_ID", "displayId": "ANY_REF_MATCHER_ID",
        "type": {"id": "ANY_REF", "name": "Any branch"},
    });
    let who: Vec<Value> =
        one.names.iter().filter_map(|name| dc.user(name)).map(shape::user).collect();
    json!({
        "id": one.id, "scope": {"type": "REPOSITORY", "resourceId": found.id},
        "sourceRefMatcher": any, "targetRefMatcher": matcher(one), "reviewers": who,
        "requiredApprovals": one.count,
    })
}

fn builds(one: &DcCondition) -> Value {
    json!({
        "id": one.id, "buildParentKeys": one.names, "refMatcher": matcher(one),
        "requiredForPullRequest": true, "requiredForMergeQueue": true,
    })
}
