//! No form of an address reaches a place that is not public: listeners stand on this machine's addresses and count who
//! comes. Beside each kind of refusal stands the host that the operator allowed, which is reached once.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use portcullis::graph::Time;
use portcullis::notify::Channel;
use portcullis::notify::Lookup;
use portcullis::notify::channel::Allowed;
use portcullis::notify::guard::Looking;
use portcullis::notify::guard::is_public;
use portcullis::notify::post::Failed;
use portcullis::notify::post::send;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::id;
use super::key;
use super::secret;
use crate::spec::receiver::Receiver;

/// Listeners on loopback, IPv4 and, where the machine has it, IPv6, on one port; and how many connections they took.
struct Trap {
    port: u16,
    caught: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Trap {
    async fn set() -> Self {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let caught: Arc<AtomicUsize> = Arc::default();
        let mut tasks = JoinSet::new();
        let mut listeners = vec![first];
        for other in ["127.0.0.2", "127.1.2.3", "::1"] {
            let address = SocketAddr::new(other.parse().unwrap(), port);
            listeners.extend(TcpListener::bind(address).await.ok());
        }
        for listener in listeners {
            let caught = Arc::clone(&caught);
            tasks.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    caught.fetch_add(1, Ordering::SeqCst);
                    drop(stream);
                }
            });
        }
        Self { port, caught, _tasks: tasks }
    }

    fn caught(&self) -> usize {
        self.caught.load(Ordering::SeqCst)
    }
}

/// A resolver that gives one list after the other, the last one for ever; an empty one fails.
#[derive(Debug, Default)]
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn that_answer(answers: &[&[&str]]) -> Self {
        let parsed = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        Self { answers: answers.iter().map(parsed).collect(), asked: Mutex::default() }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Lookup for Names {
    fn look<'a>(&'a self, host: &'a str, port: u16) -> Looking<'a> {
        let turn = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(host.to_owned());
            asked.len() - 1
        };
        let answer = self.answers.get(turn.min(self.answers.len().saturating_sub(1)));
        let found: Vec<_> =
            answer.into_iter().flatten().map(|ip| SocketAddr::new(*ip, port)).collect();
        Box::pin(async move {
            if found.is_empty() { Err(io::Error::other("no such name")) } else { Ok(found) }
        })
    }
}

fn made(url: &str, allow: &[&str]) -> Result<Channel, portcullis::notify::ChannelError> {
    let allow: Vec<String> = allow.iter().map(|host| (*host).to_owned()).collect();
    Channel::new(id("trap"), url, vec![key(&secret(1))], Allowed::read(&allow).unwrap())
}

/// Sends to an address, if a channel can stand there at all.
async fn sent(url: &str, allow: &[&str], names: &Names) -> Result<(), String> {
    let channel = made(url, allow).map_err(|error| error.to_string())?;
    let now = Time::from_millis(1_772_357_400_125);
    send(&channel, names, "msg_1", b"{}", now).await.map_err(|error| error.to_string())
}

/// Addresses whose host is an address, or that are refused as they stand. `P` is the port of the trap.
const LITERALS: [&str; 58] = [
    // Plain and otherwise written loopback.
    "https://127.0.0.1:P/",
    "https://127.0.0.2:P/",
    "https://127.1:P/",
    "https://127.0.1:P/",
    "https://2130706433:P/",
    "https://0x7f000001:P/",
    "https://0x7f.0.0.1:P/",
    "https://0x7f.1:P/",
    "https://0177.0.0.1:P/",
    "https://017700000001:P/",
    "https://0177.0x0.0.1:P/",
    "https://127.0.0.1.:P/",
    "https://127.1.2.3:P/",
    "https://%31%32%37.0.0.1:P/",
    "https://１２７.０.０.１:P/",
    "https://127。0。0。1:P/",
    "https://⑫⑦.0.0.1:P/",
    // Whole networks that are nobody's or somebody else's inside.
    "https://0.0.0.0:P/",
    "https://0:P/",
    "https://10.0.0.1:P/",
    "https://100.64.0.1:P/",
    "https://169.254.169.254:P/latest/meta-data/",
    "https://172.16.0.1:P/",
    "https://172.31.255.255:P/",
    "https://192.0.0.1:P/",
    "https://192.0.2.1:P/",
    "https://192.88.99.1:P/",
    "https://192.168.1.1:P/",
    "https://198.18.0.1:P/",
    "https://198.51.100.1:P/",
    "https://203.0.113.1:P/",
    "https://224.0.0.1:P/",
    "https://240.0.0.1:P/",
    "https://255.255.255.255:P/",
    // IPv6, its own and what it carries.
    "https://[::1]:P/",
    "https://[0:0:0:0:0:0:0:1]:P/",
    "https://[::]:P/",
    "https://[::ffff:127.0.0.1]:P/",
    "https://[::ffff:7f00:1]:P/",
    "https://[::ffff:0:127.0.0.1]:P/",
    "https://[::127.0.0.1]:P/",
    "https://[64:ff9b::7f00:1]:P/",
    "https://[64:ff9b::10.0.0.1]:P/",
    "https://[64:ff9b:1::7f00:1]:P/",
    "https://[2002:7f00:1::]:P/",
    "https://[2001:0:7f00:1::]:P/",
    "https://[2001:db8::1]:P/",
    "https://[fc00::1]:P/",
    "https://[fd12:3456:789a::1]:P/",
    "https://[fe80::1]:P/",
    "https://[fec0::1]:P/",
    "https://[ff02::1]:P/",
    // What is refused whatever the host.
    "http://127.0.0.1:P/",
    "https://user@127.0.0.1:P/",
    "https://public.example:secret@127.0.0.1:P/",
    "https://127.0.0.1:P/#fragment",
    "ftp://127.0.0.1:P/",
    "file:///etc/passwd",
];

/// Names, and what their lookups say.
const NAMES: [(&str, &[&[&str]]); 16] = [
    ("https://localhost:P/", &[&["127.0.0.1"]]),
    ("https://LOCALHOST.:P/", &[&["127.0.0.1"]]),
    ("https://inside.example:P/", &[&["10.1.2.3"]]),
    ("https://metadata.example:P/", &[&["169.254.169.254"]]),
    ("https://six.example:P/", &[&["::1"]]),
    ("https://mapped.example:P/", &[&["::ffff:127.0.0.1"]]),
    ("https://nat.example:P/", &[&["64:ff9b::127.0.0.1"]]),
    ("https://sixtofour.example:P/", &[&["2002:7f00:1::1"]]),
    ("https://unique.example:P/", &[&["fd00::1"]]),
    // One of several is enough.
    ("https://both.example:P/", &[&["93.184.216.34", "127.0.0.1"]]),
    ("https://bücher.example:P/", &[&["127.0.0.1"]]),
    ("https://xn--bcher-kva.example:P/", &[&["127.0.0.1"]]),
    ("https://127.0.0.1.nip.example:P/", &[&["127.0.0.1"]]),
    ("https://user@inside.example:P/", &[&["93.184.216.34"]]),
    // A lookup that fails means that nothing is sent.
    ("https://gone.example:P/", &[&[]]),
    ("http://plain.example:P/", &[&["93.184.216.34"]]),
];

#[tokio::test]
async fn more_than_seventy_forms_of_an_address_reach_no_place_that_is_not_public() {
    let trap = Trap::set().await;
    let at = |form: &str| form.replace('P', &trap.port.to_string());
    let mut tried = 0;
    for form in LITERALS {
        let url = at(form);
        let refused = sent(&url, &[], &Names::that_answer(&[&["127.0.0.1"]])).await;
        assert!(refused.is_err(), "{url} was let through");
        tried += 1;
    }
    for (form, answers) in NAMES {
        let url = at(form);
        let refused = sent(&url, &[], &Names::that_answer(answers)).await;
        let why = refused.expect_err(&url);
        assert!(why.contains("nothing was sent") || why.contains("the url is"), "{url}: {why}");
        tried += 1;
    }
    let long = format!("https://{}127.0.0.1:{}/", "a.".repeat(2_000), trap.port);
    let long_path = format!("https://127.0.0.1:{}/{}", trap.port, "a".repeat(3_000));
    for url in [long, long_path] {
        assert!(sent(&url, &[], &Names::that_answer(&[&["127.0.0.1"]])).await.is_err());
        tried += 1;
    }
    assert!(tried >= 70, "{tried} forms");
    assert_eq!(trap.caught(), 0, "somebody was let through");
    // The trap does catch: the same send to an allowed host reaches it, and fails only because it says nothing.
    let url = format!("https://127.0.0.1:{}/", trap.port);
    let caught = sent(&url, &["127.0.0.1"], &Names::default()).await.unwrap_err();
    assert_eq!(caught, Failed::Unreachable.to_string());
    assert_eq!(trap.caught(), 1);
}

#[tokio::test]
async fn a_name_that_changes_is_looked_up_once_and_what_it_said_then_is_reached() {
    let (trap, receiver) = (Trap::set().await, Receiver::answering(&[200]).await);
    let there: SocketAddr = receiver.url.split('/').nth(2).unwrap().parse().unwrap();
    let url = format!("http://changing.example:{}/hooks/x", there.port());
    // Allowed, so that its first answer may be an address of this machine.
    let names = Names::that_answer(&[&["127.0.0.1"], &["127.0.0.2"]]);
    sent(&url, &["changing.example"], &names).await.unwrap();
    assert_eq!((names.asked(), receiver.got().len(), trap.caught()), (1, 1, 0));
    assert_eq!(receiver.got()[0].header("host"), Some(url.split('/').nth(2).unwrap()));
    // Public first and private afterwards, as a rebinding resolver does it: the second message is judged anew.
    let channel = made(&format!("https://rebinding.example:{}/", trap.port), &[]).unwrap();
    let names = Names::that_answer(&[&["127.0.0.1"]]);
    let now = Time::from_millis(0);
    let refused = send(&channel, &names, "msg_1", b"{}", now).await.unwrap_err();
    assert!(matches!(refused, Failed::Refused(_)), "{refused}");
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn an_allowed_host_is_that_very_host_and_never_a_metadata_address() {
    let trap = Trap::set().await;
    let at = |host: &str| format!("https://{host}:{}/", trap.port);
    for (host, allow, answers) in [
        ("other.example", "hooks.example", &[&["127.0.0.1"][..]][..]),
        ("sub.hooks.example", "hooks.example", &[&["127.0.0.1"]]),
        ("hooks.example.evil.example", "hooks.example", &[&["127.0.0.1"]]),
        ("127.0.0.2", "127.0.0.1", &[]),
        ("hooks.example", "hooks.example", &[&["169.254.169.254"]]),
        ("hooks.example", "hooks.example", &[&["fe80::1"]]),
        ("hooks.example", "hooks.example", &[&["0.0.0.0"]]),
        ("hooks.example", "hooks.example", &[&["127.0.0.1", "169.254.169.254"]]),
    ] {
        let refused = sent(&at(host), &[allow], &Names::that_answer(answers)).await;
        assert!(refused.is_err(), "{host} under {allow}");
    }
    assert_eq!(trap.caught(), 0);
    for pattern in ["*.example", "https://hooks.example", "hooks.example/x", "a@b", ""] {
        assert!(Allowed::read(&[pattern.to_owned()]).is_err(), "`{pattern}`");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (trap, receiver) = (Trap::set().await, Receiver::answering(&[301, 302, 307, 308]).await);
    for status in [301, 302, 307, 308] {
        receiver.redirect(&format!("http://127.0.0.1:{}/", trap.port));
        let refused = sent(&receiver.url, &["127.0.0.1"], &Names::default()).await;
        assert_eq!(refused, Err(format!("the receiver answered {status}")));
    }
    assert_eq!((receiver.got().len(), trap.caught()), (4, 0));
}

#[test]
fn public_is_what_the_registries_leave() {
    for ip in [
        "93.184.216.34",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.32.0.1",
        "198.20.0.0",
        "2606:2800:220:1:248:1893:25c8:1946",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(is_public(ip.parse().unwrap()), "{ip}");
    }
    for ip in ["2001:1ff::1", "3fff::1", "5f00::1", "100::1", "4000::1", "::2"] {
        assert!(!is_public(ip.parse().unwrap()), "{ip}");
    }
}
