//! Jobs of a made-up CI, and the two places they ask about.

use portcullis::simulator::git::Change;

use crate::spec::rig::BILLING;
use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::OTHER_CLOUD;
use crate::spec::rig::OTHER_DATACENTER;
use crate::spec::rig::Said;
use crate::spec::rig::Shape;
use crate::spec::rig::portcullis;
use crate::spec::rig::said;

/// Data Center has no environments of its own; Cloud has, and one more is named.
const LAB: &str = "[[connection.environment]]\nname = \"Lab\"\ntier = \"test\"\n";
const NAMED: &str = "[[connection.environment]]\nname = \"Staging\"\ntier = \"staging\"\nrepositories = [\"PAY/*\"]\n\
    [[connection.environment]]\nname = \"production\"\ntier = \"production\"\n";

/// A gate that knows environments.
pub async fn gate() -> Gate {
    gate_with("", "").await
}

/// The same, and what else the connections are told.
pub async fn gate_with(cloud: &str, datacenter: &str) -> Gate {
    let (cloud, datacenter) = (format!("{LAB}{cloud}"), format!("{LAB}{NAMED}{datacenter}"));
    let gate = Gate::start_as(Shape { cloud, datacenter, ..Shape::default() }).await;
    let branches = ["release/24.9", "feature"].map(|name| Change::new_branch(name, "main", 1));
    let (simulator, ravi) = (&gate.town.simulator, gate.town.cast.ravi);
    simulator.cloud().push(BILLING, ravi, &branches).await.unwrap();
    simulator.datacenter().push(LEDGER, "ravi", &branches).await.unwrap();
    gate
}

/// Where jobs ask.
#[derive(Clone, Copy)]
pub struct Place {
    pub connection: &'static str,
    pub repository: &'static str,
    /// Another repository of the same connection.
    pub other: &'static str,
}

impl Place {
    /// Both products, once the branches that were pushed are decided.
    pub async fn both(gate: &Gate) -> [Self; 2] {
        gate.quiet().await;
        [
            Self { connection: DATACENTER, repository: LEDGER, other: OTHER_DATACENTER },
            Self { connection: CLOUD, repository: BILLING, other: OTHER_CLOUD },
        ]
    }

    pub fn tip(&self, gate: &Gate, branch: &str) -> String {
        gate.town.simulator.company(|company| {
            let git = match self.connection {
                CLOUD => &company.workspaces[0].repository("billing").unwrap().git,
                _ => &company.datacenter.repository(LEDGER).unwrap().git,
            };
            git.resolve(branch).unwrap().hash.clone()
        })
    }
}

/// A service token for `deploy` and `publish`, with more of a scope.
pub async fn service(gate: &Gate, place: &Place, scope: &[&str]) -> String {
    let named = ["token", "create", "--name", "job", "--connection", place.connection];
    let actions = ["--action", "deploy", "--action", "publish"];
    let made = gate.operate(&[&named[..], &actions, scope].concat()).await;
    assert_eq!(made.code, 0, "{}", made.all());
    made.out.trim().to_owned()
}

/// What a job says; an empty text is left out.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub token: &'a str,
    pub action: &'a str,
    pub repository: &'a str,
    pub commit: &'a str,
    pub branch: &'a str,
    pub environment: &'a str,
}

impl Job<'_> {
    pub async fn ask(&self, gate: &Gate) -> Said {
        let mut command = portcullis(&["check", "--action", self.action]);
        for (flag, value) in [
            ("--repository", self.repository),
            ("--commit", self.commit),
            ("--branch", self.branch),
            ("--environment", self.environment),
        ] {
            if !value.is_empty() {
                command.args([flag, value]);
            }
        }
        command.env("PORTCULLIS_URL", format!("http://{}", gate.public));
        command.env("PORTCULLIS_TOKEN", self.token);
        said(command).await
    }
}
