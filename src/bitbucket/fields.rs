//! Field names that the documentation of Bitbucket's webhooks has, of both products. A body with another name is read
//! all the same; the name is counted, so that a new field of Bitbucket is seen before somebody asks for it.

use std::collections::HashSet;
use std::sync::LazyLock;

/// In the order of their bytes, each once.
#[rustfmt::skip]
const DOCUMENTED: &[&str] = &[
    "account_id", "account_status", "active", "activity", "actor", "addedReviewers", "anchor", "approval",
    "approve", "approved", "archived", "assignee", "attachments", "attributes", "author", "authorTimestamp",
    "avatar", "boolValue", "branch", "branches", "changes", "changes_request", "clone", "close_source_branch",
    "closed", "closedDate", "closed_by", "code", "comment", "commentParentId", "comment_count", "comments",
    "commit", "commitId", "commit_status", "commits", "committer", "committerTimestamp", "component",
    "content", "created", "createdDate", "created_at", "created_on", "crowdBacked", "date", "decline",
    "default_branch", "default_merge_strategy", "deletable", "deleted", "description", "destination", "diff",
    "diffType", "diffstat", "directoryName", "displayId", "displayName", "display_name", "doubleValue",
    "downloads", "draft", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount", "emailAddress",
    "endTimeUnixNano", "eventKey", "events", "fileType", "flags", "forced", "fork", "fork_policy", "forkable",
    "forks", "from", "fromHash", "fromRef", "full_name", "has_issues", "has_wiki", "hash", "hierarchyId",
    "href", "html", "id", "inline", "intValue", "is_private", "is_staff", "issue", "issues", "key", "kind",
    "language", "lastAuthenticationTimestamp", "lastReviewedCommit", "latestChangeset", "latestCommit",
    "line", "lineType", "links", "locked", "mainbranch", "markup", "mention_id", "merge", "mergeCommit",
    "merge_commit", "merge_strategies", "message", "milestone", "mirrorServer", "mutableDetails",
    "mutableGroups", "name", "new", "nickname", "old", "open", "origin", "outdated", "override_settings",
    "owner", "parent", "parentSpanId", "parents", "participant", "participants", "participated_on", "patch",
    "path", "pending", "previousComment", "previousDescription", "previousDraft", "previousFromHash",
    "previousStatus", "previousTarget", "previousTitle", "previous_owner", "previous_workspace", "priority",
    "project", "properties", "public", "pullRequest", "pullrequest", "pullrequests", "push", "queued", "raw",
    "reason", "ref", "refId", "refLimitExceeded", "refname", "removedReviewers", "rendered", "reporter",
    "repository", "repositoryId", "request-changes", "resolution", "resolvedDate", "resolver", "resource",
    "resourceSpans", "reviewers", "role", "ruleName", "schemaUrl", "scm", "scmId", "scope", "scopeId",
    "scopeSpans", "scopeType", "secretLocations", "self", "severity", "size", "slug", "source", "spanId",
    "spans", "srcPath", "startTimeUnixNano", "state", "status", "statusMessage", "statuses", "stringValue",
    "summary", "syncType", "sync_strategies", "tagger", "tags", "target", "task_count", "tasks", "test",
    "text", "threadResolved", "threadResolvedDate", "threadResolver", "title", "to", "toCommit", "toHash",
    "toRef", "traceId", "traceState", "truncated", "type", "updatedDate", "updated_on", "url", "user",
    "username", "uuid", "value", "version", "vote", "votes", "watch", "watchers", "watches", "website",
    "workspace",
];

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| DOCUMENTED.iter().copied().collect());

/// Whether any documented body has a field of this name. Cost: one hash; a body asks some hundred times.
pub fn is_documented(name: &str) -> bool {
    NAMES.contains(name)
}

#[cfg(test)]
mod tests {
    use super::DOCUMENTED;

    #[test]
    fn names_stand_in_order_and_once() {
        assert!(DOCUMENTED.is_sorted_by(|one, next| one < next));
    }
}
