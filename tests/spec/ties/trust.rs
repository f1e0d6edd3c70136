//! A private CA is believed where it is given and nowhere else; a proxy is gone through where one is named.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::house::DATACENTER;
use super::house::House;

/// The simulated Bitbucket's own socket.
fn behind(house: &House) -> SocketAddr {
    let base = house.gate.town.simulator.datacenter_url();
    base.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
}

/// A listener that hands every connection on: through TLS with this acceptor, or as it comes.
async fn before(to: SocketAddr, tls: Option<TlsAcceptor>) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let tls = tls.clone();
            open.spawn(async move {
                let mut there = TcpStream::connect(to).await.unwrap();
                // Whoever does not believe the certificate hangs up.
                let _ = match tls {
                    None => tokio::io::copy_bidirectional(&mut from, &mut there).await,
                    Some(tls) => match tls.accept(from).await {
                        Ok(mut from) => tokio::io::copy_bidirectional(&mut from, &mut there).await,
                        Err(error) => Err(error),
                    },
                };
            });
        }
    });
    (port, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_ca_is_believed_where_it_is_given_and_nowhere_else() {
    let house = House::open().await;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (port, _tasks) = before(behind(&house), Some(acceptor)).await;
    let mut wish = json!({
        "id": DATACENTER, "product": "datacenter", "base_url": format!("https://localhost:{port}/bitbucket"),
        "credential": {"kind": "token", "token": house.http_token()},
    });
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 502, "{}", asked.body);
    assert!(asked.body["detail"].as_str().unwrap().contains("certificate"), "{}", asked.body);
    wish["authorities"] = json!("no certificate");
    assert_eq!(house.post("connections", &wish).await.status, 400);
    wish["authorities"] = json!(made.cert.pem());
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    house.push_datacenter("feature/tls").await;
    assert!(house.all_taken());
    let doctor = house.gate.get(&format!("doctor?connection={DATACENTER}")).await;
    let tls =
        doctor["findings"].as_array().unwrap().iter().find(|one| one["area"] == "tls").unwrap();
    assert!(tls["said"].as_str().unwrap().contains("https"), "{tls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_gone_through_where_one_is_named() {
    let house = House::open().await;
    let (port, _tasks) = before(behind(&house), None).await;
    // Nobody listens there: only a proxy knows the way.
    let mut wish = json!({
        "id": DATACENTER, "product": "datacenter", "base_url": "http://localhost:1/bitbucket",
        "credential": {"kind": "token", "token": house.http_token()},
    });
    assert_eq!(house.post("connections", &wish).await.status, 502);
    wish["proxy"] = json!(format!("http://127.0.0.1:{port}"));
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    assert_eq!(house.read(DATACENTER).await["state"], "done");
    // What is not encrypted is shown to no proxy elsewhere.
    wish["id"] = json!("by-another-machine");
    for proxy in ["http://mia:canary@proxy.example.com:3128", "proxy.example.com:3128"] {
        wish["proxy"] = json!(proxy);
        let asked = house.post("connections", &wish).await;
        assert_eq!(asked.status, 400, "{}", asked.body);
        let said = asked.body["detail"].as_str().unwrap();
        assert!(said.contains("leave the proxy out") && !said.contains("canary"), "{said}");
    }
}

#[test]
fn a_password_of_a_proxy_is_not_shown() {
    let trust = portcullis::bitbucket::Trust {
        authorities: None,
        proxy: Some("http://mia:canary@proxy.example.com:3128".to_owned()),
    };
    let shown = format!("{trust:?}");
    assert!(shown.contains("proxy") && !shown.contains("canary"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_does_not_tell_a_proxy_what_goes_to_this_machine_in_the_open() {
    let house = House::open().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let heard = tokio::spawn(async move { proxy.accept().await.map(drop) });
    let mut command = house.gate.operator(&["token", "list"]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, &address);
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY");
    let said = crate::spec::rig::said(command).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(!heard.is_finished(), "the proxy was spoken to");
    heard.abort();
}
