//! Where Atlassian's documents are known to be wrong or silent, each with the reason to ask or answer otherwise.

use portcullis::graph::Product;

/// Routes that are asked and not documented.
pub const UNDOCUMENTED: &[(&str, &str)] = &[
    (
        "1.0/groups/{workspace}",
        "groups of a workspace have no 2.0 route; the page of 1.0 documents it",
    ),
    (
        "2.0/repositories/{workspace}/{repo_slug}/src/{commit}/bitbucket-pipelines.yml",
        "documented as `src/{commit}/{path}`, of which this one file is asked for",
    ),
    (
        "rest/auditing/1.0/events",
        "the audit plugin's own document has it; the product's leaves the plugin out",
    ),
    (
        "rest/branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branchmodel",
        "the plugin's own document has it; the product's leaves the plugin out",
    ),
];

/// Parameters that are sent and not documented: product, path (empty: every one), name, reason.
pub const PARAMETERS: &[(Product, &str, &str, &str)] = &[
    (Product::Cloud, "", "pagelen", "paging is documented once for all lists, not for each"),
    (Product::Cloud, "", "page", "the same: it comes with the address of the next page"),
    (
        Product::Cloud,
        "2.0/repositories/{workspace}/{repo_slug}/commits/{revision}",
        "exclude",
        "the words of the same page explain it, its table of parameters leaves it out",
    ),
    (
        Product::Cloud,
        "2.0/repositories/{workspace}/{repo_slug}/pullrequests",
        "sort",
        "sorting is documented once for all lists, not for each",
    ),
    (
        Product::Cloud,
        "2.0/repositories/{workspace}/{repo_slug}/pullrequests",
        "fields",
        "partial answers are documented once for all, not for each",
    ),
    (Product::DataCenter, "rest/api/latest/users", "limit", "it is a page, as its answers show"),
    (Product::DataCenter, "rest/api/latest/users", "permission.1", "documented as `permission.N`"),
    (
        Product::DataCenter,
        "rest/api/latest/users",
        "permission.1.projectKey",
        "named in the words on `permission.N`",
    ),
    (Product::DataCenter, "rest/api/latest/users", "permission.1.repositorySlug", "the same"),
    (
        Product::DataCenter,
        "rest/api/latest/projects/{projectKey}/webhooks",
        "limit",
        "it is a page, as its recorded answers show",
    ),
    (
        Product::DataCenter,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks",
        "limit",
        "the same",
    ),
];

/// Bodies that are sent and not as their schema says: path, the fault, reason.
pub const BODIES: &[(&str, &str, &str)] = &[(
    "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build",
    ": `type` is missing",
    "every object of an answer has a `type`; the examples of this page send none",
)];

/// Answers that are not as their schema says: path, the beginning of the fault, reason.
pub const SCHEMAS: &[(&str, &str, &str)] = &[
    (
        "rest/keys/latest/projects/{projectKey}/ssh",
        "/values/*/key/createdDate: it is integer",
        "other dates of the same product are milliseconds; the client reads both",
    ),
    (
        "rest/keys/latest/projects/{projectKey}/repos/{repositorySlug}/ssh",
        "/values/*/key/createdDate: it is integer",
        "the same",
    ),
    ("rest/ssh/latest/keys", "/values/*/createdDate: it is integer", "the same"),
    (
        "rest/access-tokens/latest/projects/{projectKey}/repos/{repositorySlug}",
        "/values/*/createdDate: it is integer",
        "the same",
    ),
];
