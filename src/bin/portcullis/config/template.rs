//! What `portcullis config init` writes: every section, each key with its default and what it is for.

/// The commented file.
pub const TEMPLATE: &str = r#"# Portcullis. Every key can also be set as PORTCULLIS_SECTION__KEY; `portcullis config check` reads this file back.
# Secrets are named, never written: { file = "/run/secrets/x" } or { env = "X" }.

[public]
# Webhooks, checks, and the pages people are sent to.
listen = "127.0.0.1:8080"
# How the world reaches it. Links are built from this alone. https outside loopback.
# url = "https://gate.example.com"
# certificate = "tls.crt"      # with `key` the listener speaks TLS itself
# key = "tls.key"

[operator]
# Health, metrics, console and API. Loopback only, unless `expose = true`.
listen = "127.0.0.1:8081"
# A person with an operator token of their own (at least 32 characters), so that the record can name them.
# [[operator.person]]
# name = "mia"
# token = { file = "mia.token" }

[store]
url = "sqlite:portcullis.db"
keep_bodies = "14d"            # webhook bodies, encrypted; then only their hash
keep_sealed = "400d"           # names and texts of decisions; then only proofs
# key = { file = "store.key" } # 64 hex digits; absent: made beside the store at first start
# old_key = { file = "store.key.old" }   # the one before, until everything is sealed with the new one

[policies]
# path = "policies"            # absent: the rules that come with this program
mode = "shadow"                # for new connections: shadow (decide, stop nobody), enforce, off

[pause]
longest = "4h"                 # `portcullis pause` holds nothing back for a while; it ends by itself
second_person = false          # true: a pause takes two of [[operator.person]]

[findings]
every = "24h"                  # everything is looked at so often; what changed, at once
# [[findings.rule]]            # which posture rules run where; the first that fits decides
# rule = "posture/pipelines-disabled"   # its id, or an id or title that others have for it
# enabled = true
# project = "BILL"             # absent: all

# Every decision, as JSON lines into a file or in batches to an https address; see docs/decisions.md.
# [[stream]]
# id = "siem"
# to = { file = "decisions.jsonl" }   # or { url = "https://siem.example.com/in", token = { env = "SIEM_TOKEN" } }
# format = "portcullis"        # or `opa`: Open Policy Agent's decision log
# parts = []                   # what holds names and texts goes out only if named: input, names, told
# begin = "now"                # or `start`: with the first decision there ever was

[notify]
digest = "08:00"               # UTC: once a day, what was not told by itself
once_per = "24h"               # how long the same cause reaches nobody again

# Who is told: receivers of messages signed by the Standard Webhooks scheme; see docs/notifications.md.
# [[channel]]
# id = "security"
# url = "https://hooks.example.com/portcullis"
# secrets = [{ file = "security.whsec" }]   # whsec_ and base64; a second one during rotation
# allow = ["hooks.internal.example.com"]    # exact hosts that may be private; absent: public ones alone

# Who owns a project (by key) or a repository (by name); `*` stands for anything.
# [[owner]]
# project = "BILL"
# channel = "security"

# Who hears what: the first that fits decides. What none fits goes to the connection's `security_contact`.
# [[route]]
# about = ["approve", "block"] # also: alert, finding, alarm, pause, evidence; absent: alert, approve, block, finding
# severity = "high"            # at least; absent: any
# rules = "deploy"             # a rule or an area; absent: all
# project = "BILL"             # absent: any
# connection = "acme-cloud"    # absent: any
# to = ["owner"]               # channels, `owner`, `security-contact`
# tell = "now"                 # or `digest`
# shadow = "digest"            # rules in shadow: `digest`, `now` or `never`

# Traces, sent by OTLP over HTTP. Absent: none are made.
# [telemetry]
# otlp = "https://collector.example.com/v1/traces"
# headers = { x-api-key = { file = "collector.key" } }
# sample = 1.0                 # the part of the traces that is kept, 0 to 1
# service = "portcullis"       # what the gate is called there
# parents = "ignore"           # `trust`: a `traceparent` that comes in is believed
# tell_bitbucket = false       # true: calls to Bitbucket carry a `traceparent`

# A Bitbucket Cloud workspace.
# [[connection]]
# id = "acme-cloud"            # part of every id, never reused
# product = "cloud"
# workspace = "acme"
# credential = { kind = "oauth", key = { env = "BITBUCKET_KEY" }, secret = { env = "BITBUCKET_SECRET" } }
# protected_refs = ["main", "release/*"]
# audit = { kind = "organization", id = "00000000-0000-0000-0000-000000000000", token = { env = "ATLASSIAN_KEY" } }
# plan = "premium"             # free, standard or premium; no API tells it, absent it counts as unknown
# scope = ["BILL", "acme/pay-*"]  # nothing is asked of or written to what lies outside; absent: all that the credential sees
# classes = ["pipeline-definition"]  # reads bitbucket-pipelines.yml, of which facts are kept and no line; absent: it is not read
# own_hosts = ["*.example.com"]  # hosts of one's own that webhooks may tell; absent: whether one is outside is unknown
# effects = ["commit-status"]  # absent: nothing is ever written to Bitbucket
# security_contact = "security"  # the channel that hears of it where no route fits
# [[connection.hook]]
# id = "00000000000000000000000000000000"   # 32 hex digits, random: the webhook's address ends in /hooks/<id>
# secrets = [{ file = "hook.secret" }]      # a second one during rotation
# silent_after = "12h"                      # an alert rings when it has told nothing for so long; absent: never

# [[connection.environment]]                # what other CI deploys to; Bitbucket's own need no mention
# name = "production"
# tier = "production"                       # test, staging or production
# repositories = ["acme/*"]                 # absent: every one
# [[connection.ci]]                         # another CI whose own OpenID Connect tokens are accepted
# id = "jenkins"                            # what the record calls it
# issuer = "https://jenkins.example.com/oidc"
# subjects = ["https://jenkins.example.com/job/*"]   # who may ask; absent: every job
# repositories = ["acme/*"]                 # about what
# algorithms = ["RS256"]                    # ES256 only if listed
# jwks = "jenkins.jwks"                     # an address or a file; absent: where its openid-configuration says
# claims = { commit = "commit", ref = "branch", environment = "environment" }

# A Bitbucket Data Center.
# [[connection]]
# id = "acme-dc"
# product = "datacenter"
# base_url = "https://bitbucket.example.com"
# credential = { kind = "token", token = { file = "dc.token" } }
# audit = { kind = "rest" }    # who changed what; or { kind = "folder", path = "/var/atlassian/application-data/bitbucket/log/audit" }
# database = { url = { file = "bitbucket-database.url" } }  # its own PostgreSQL, read-only, instead of REST
"#;

#[cfg(test)]
mod tests {
    use crate::config::layers::parse;

    #[test]
    fn the_template_is_a_configuration_with_and_without_its_comments() {
        parse("t", super::TEMPLATE, Vec::new()).unwrap();
        let is_key = |text: &str| {
            let word = text.split(" = ").next().unwrap_or_default();
            text.contains(" = ") && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let open: String = super::TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with('[') || is_key(rest) => format!("{rest}\n"),
                Some(_) | None => format!("{line}\n"),
            })
            .collect();
        let config = parse("t", &open, Vec::new()).unwrap();
        assert_eq!((config.connection.len(), config.stream.len()), (2, 1));
        assert_eq!((config.channel.len(), config.owner.len(), config.route.len()), (1, 1, 1));
    }
}
