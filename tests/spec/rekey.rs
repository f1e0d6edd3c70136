//! A gate gets another sealing key: as the docs say it, by two files and a restart.

use super::rig::Gate;
use super::rig::Shape;
use super::rig::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_started_with_another_key_and_needs_the_old_one_no_longer() {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let kept = gate.post("no json").await.body["delivery"].as_str().unwrap().parse().unwrap();
    gate.dead_letter(kept).await;
    assert_eq!(gate.terminate().await, 0);
    let [key, old] = ["store.key", "store.key.old"].map(|name| gate.path(name));
    std::fs::rename(&key, &old).unwrap();
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    gate.restart().await;
    let line = gate.line("everything is sealed with the new key").await;
    assert!(line.contains("\"broken\":0"), "{line}");
    gate.dead_letter(kept).await;
    let listed = gate.operate(&["decision", "list"]).await;
    assert_eq!(listed.code, 0, "{}", listed.all());
    assert_eq!(gate.terminate().await, 0);

    std::fs::rename(&old, gate.path("elsewhere")).unwrap();
    gate.restart().await;
    gate.dead_letter(kept).await;
    assert_eq!(gate.terminate().await, 0);
    let verified = run(&["ledger", "verify", "--store", &gate.store_url()]).await;
    assert_eq!(verified.code, 0, "the signing key is the same: {}", verified.all());

    std::fs::rename(gate.path("elsewhere"), &key).unwrap();
    let config = gate.path("portcullis.toml");
    let refused = run(&["serve", "--config", config.to_str().unwrap()]).await;
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.err.contains("the store is sealed with key `"), "{}", refused.all());
}
