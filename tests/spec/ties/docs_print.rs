//! Prints what the docs show.
use super::house::*;
use crate::spec::rig::Said;

fn put(name: &str, command: &str, said: &Said) {
    std::fs::create_dir_all("/tmp/connect_docs").unwrap();
    std::fs::write(
        format!("/tmp/connect_docs/{name}"),
        format!("$ {command}\n{}{}", said.err, said.out),
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn print_docs() {
    let house = House::open().await;
    let less: Vec<&str> = ALL_SCOPES
        .iter()
        .copied()
        .filter(|s| !["runner", "repository:admin"].contains(s))
        .collect();
    let said = house.connect_cloud(&house.token(&less), &["--plan", "standard", "--preview"]).await;
    put(
        "preview",
        "portcullis connect acme-cloud --product cloud --workspace acme --credential token --secret-file token.txt \\\n    --plan standard --preview",
        &said,
    );
    let all = house.token(&ALL_SCOPES);
    let said =
        house.connect_cloud(&all, &["--plan", "premium", "--reason", "first connection"]).await;
    put(
        "connect",
        "portcullis connect acme-cloud --product cloud --workspace acme --credential token --secret-file token.txt \\\n    --plan premium --reason 'first connection'",
        &said,
    );
    house.read(CLOUD).await;
    house.push_cloud("feature/one").await;
    house.decided(CLOUD, 0).await;
    put("sync", "portcullis sync acme-cloud", &house.gate.operate(&["sync", CLOUD]).await);
    house.gate.town.simulator.company(|company| {
        company.workspaces[0].hooks[0].active = false;
        for credential in &mut company.credentials {
            credential.scopes.retain(|scope| scope != "runner");
        }
    });
    put("doctor", "portcullis doctor acme-cloud", &house.gate.operate(&["doctor", CLOUD]).await);
    put(
        "rotate",
        "portcullis connect acme-cloud --rotate --overlap 1h",
        &house.gate.operate(&["connect", CLOUD, "--rotate", "--overlap", "1h"]).await,
    );
    put(
        "doctor-all",
        "portcullis doctor acme-cloud --all",
        &house.gate.operate(&["doctor", CLOUD, "--all"]).await,
    );
    put(
        "disconnect",
        "portcullis disconnect acme-cloud --reason 'moved away'",
        &house.gate.operate(&["disconnect", CLOUD, "--reason", "moved away"]).await,
    );
    let said = house.connect_datacenter(&["--profile", "observe"]).await;
    put(
        "dc",
        "portcullis connect acme-dc --product datacenter --base-url https://bitbucket.example.com/bitbucket \\\n    --credential token --secret-env BITBUCKET_TOKEN --profile observe",
        &said,
    );
    house.read(DATACENTER).await;
    house.push_datacenter("feature/one").await;
    house.decided(DATACENTER, 0).await;
    put(
        "dc-doctor",
        "portcullis doctor acme-dc --all",
        &house.gate.operate(&["doctor", DATACENTER, "--all"]).await,
    );
}
