//! TLS ends at the door: one protocol, a deadline, and a certificate that changes without a restart.

use std::path::Path;
use std::sync::Arc;

use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use portcullis::http::tls;
use portcullis::http::tls::Tls;
use portcullis::http::tls::Unusable;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::spec::door::House;
use crate::spec::door::SOON;
use crate::spec::door::one_answer;
use crate::spec::door::rest;
use crate::spec::door::within;

/// Writes a new certificate for `gate.test` and its key into the folder.
fn issue(folder: &Path) -> tls::Settings {
    let made = rcgen::generate_simple_self_signed(["gate.test".to_owned()]).unwrap();
    let settings =
        tls::Settings { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&settings.certificate, made.cert.pem()).unwrap();
    std::fs::write(&settings.key, made.signing_key.serialize_pem()).unwrap();
    settings
}

async fn house(tls: &Arc<Tls>, limits: Limits) -> House {
    House::open(limits, Security::Tls(Arc::clone(tls))).await
}

/// A client that trusts exactly the certificate in the file and offers these protocols.
async fn shake(
    house: &House,
    trusted: &Path,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let socket = within(TcpStream::connect(house.address)).await.unwrap();
    let name = ServerName::try_from("gate.test").unwrap();
    within(TlsConnector::from(Arc::new(config)).connect(name, socket)).await
}

async fn asks(mut client: TlsStream<TcpStream>) -> String {
    client.write_all(b"GET /a HTTP/1.1\r\nHost: gate.test\r\n\r\n").await.unwrap();
    one_answer(&mut client).await
}

#[tokio::test]
async fn a_request_over_tls_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = issue(folder.path());
    let house = house(&Arc::new(Tls::load(settings.clone()).unwrap()), Limits::default()).await;
    let client = shake(&house, &settings.certificate, &[]).await.unwrap();
    assert!(asks(client).await.ends_with("you asked /a"));
}

#[tokio::test]
async fn http_1_1_is_the_only_protocol_on_offer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = issue(folder.path());
    let house = house(&Arc::new(Tls::load(settings.clone()).unwrap()), Limits::default()).await;
    let both = shake(&house, &settings.certificate, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(asks(both).await.ends_with("you asked /a"));
    assert!(shake(&house, &settings.certificate, &[b"h2"]).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_stalls_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Arc::new(Tls::load(issue(folder.path())).unwrap());
    for begun in [&b""[..], &b"\x16\x03\x01\x02\x00\x01\x00"[..]] {
        let house = house(&tls, Limits { handshake: SOON, ..Limits::default() }).await;
        let mut client = within(TcpStream::connect(house.address)).await.unwrap();
        client.write_all(begun).await.unwrap();
        assert_eq!(rest(&mut client).await, "");
        assert!(house.ended_as("handshake").await);
    }
}

#[tokio::test]
async fn a_client_that_is_silent_after_the_handshake_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = issue(folder.path());
    let house = house(
        &Arc::new(Tls::load(settings.clone()).unwrap()),
        Limits { head: SOON, ..Limits::default() },
    )
    .await;
    let mut client = shake(&house, &settings.certificate, &[]).await.unwrap();
    assert_eq!(rest(&mut client).await, "");
    assert!(house.ended_as("late-head").await);
}

#[tokio::test]
async fn plain_http_is_not_answered_where_tls_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(&Arc::new(Tls::load(issue(folder.path())).unwrap()), Limits::default()).await;
    let mut client = within(TcpStream::connect(house.address)).await.unwrap();
    client.write_all(b"GET /a HTTP/1.1\r\nHost: gate.test\r\n\r\n").await.unwrap();
    assert!(!rest(&mut client).await.contains("HTTP/1.1"));
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_the_next_connection_and_the_open_one_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = issue(folder.path());
    let tls = Arc::new(Tls::load(settings.clone()).unwrap());
    let house = house(&tls, Limits::default()).await;
    let before = shake(&house, &settings.certificate, &[]).await.unwrap();
    issue(folder.path());
    assert!(shake(&house, &settings.certificate, &[]).await.is_err(), "not read again yet");
    tls.reload().unwrap();
    let after = shake(&house, &settings.certificate, &[]).await.unwrap();
    assert!(asks(after).await.ends_with("you asked /a"));
    assert!(asks(before).await.ends_with("you asked /a"));
}

#[tokio::test]
async fn a_bad_pair_of_files_changes_nothing_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = issue(folder.path());
    let trusted = folder.path().join("trusted.pem");
    std::fs::copy(&settings.certificate, &trusted).unwrap();
    let tls = Arc::new(Tls::load(settings.clone()).unwrap());
    let house = house(&tls, Limits::default()).await;
    let certificate = std::fs::read(&settings.certificate).unwrap();
    issue(folder.path());
    std::fs::write(&settings.certificate, &certificate).unwrap();
    assert!(
        matches!(tls.reload(), Err(Unusable::Refused { .. })),
        "the key belongs to another certificate"
    );
    std::fs::write(&settings.certificate, "").unwrap();
    assert!(matches!(tls.reload(), Err(Unusable::Empty { .. })));
    std::fs::remove_file(&settings.key).unwrap();
    std::fs::write(&settings.certificate, &certificate).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("private key") && error.contains("key.pem"), "{error}");
    assert!(asks(shake(&house, &trusted, &[]).await.unwrap()).await.ends_with("you asked /a"));
}
