//! Where a message may be sent. A name is looked up once, every address it has must be public unless the operator allowed
//! that very host, and the connection goes to the addresses that were judged: what the name says a moment later does not
//! matter. A lookup that fails means that nothing is sent.
//!
//! Ranges: the IANA special-purpose registries of IPv4 and IPv6 addresses. IPv6 addresses that carry an IPv4 one
//! (mapped, NAT64) are judged by it; 6to4 and Teredo carry traffic to a third party and are refused.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::pin::Pin;

use url::Host;
use url::Url;

use crate::notify::channel::Allowed;

/// Most addresses of one name that are looked at. A name with more is not one that takes webhooks, and each is a
/// connection that could be tried.
const MAX_ADDRESSES: usize = 32;

/// The answer of a lookup that is under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// How a name becomes addresses.
pub trait Lookup: Send + Sync + fmt::Debug {
    /// Every address of a name.
    fn look<'a>(&'a self, host: &'a str, port: u16) -> Looking<'a>;
}

/// As the machine does it.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Lookup for System {
    fn look<'a>(&'a self, host: &'a str, port: u16) -> Looking<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Why nothing is sent to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Neither https nor allowed to be plain.
    #[error("only https is spoken, and http to a host that `allow` names")]
    Scheme,
    /// A user or a password in it.
    #[error("it holds a user or a password: a channel is known by its secret")]
    UserInfo,
    /// No host.
    #[error("it has no host")]
    NoHost,
    /// A fragment, which nobody would ever send.
    #[error("it has a fragment (`#…`), which is never sent")]
    Fragment,
    /// Its name has no address, or nobody knows.
    #[error("its name could not be looked up")]
    Lookup,
    /// One of its addresses is private.
    #[error(
        "its host has the address {0}, which is not public: name that exact host in `allow` if it is meant"
    )]
    Private(IpAddr),
    /// An address that no host should have.
    #[error("its host has the address {0}, to which nothing is ever sent")]
    Never(IpAddr),
}

/// Where a message is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the address that stands in the url.
    Literal,
    /// To these addresses of the name, and to no other.
    Pinned(Vec<SocketAddr>),
}

/// Judges what needs no lookup.
pub fn judge(url: &Url, allowed: &Allowed) -> Result<(), Refused> {
    let host = url.host().ok_or(Refused::NoHost)?;
    match url.scheme() {
        "https" => {}
        "http" if allowed.holds(&host) => {}
        _ => return Err(Refused::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(Refused::Fragment);
    }
    let reach = Reach::of(&host, allowed);
    match host {
        Host::Ipv4(ip) => judge_address(ip.into(), reach),
        Host::Ipv6(ip) => judge_address(ip.into(), reach),
        Host::Domain(_) => Ok(()),
    }
}

/// Judges an address for a message that is about to be sent: one lookup, and every address it gives.
pub async fn admit(url: &Url, allowed: &Allowed, lookup: &dyn Lookup) -> Result<Target, Refused> {
    judge(url, allowed)?;
    let host = url.host().ok_or(Refused::NoHost)?;
    pin(url, Reach::of(&host, allowed), lookup).await
}

/// The same for an address whose reach is known: what a literal says is judged already.
pub async fn pin(url: &Url, reach: Reach, lookup: &dyn Lookup) -> Result<Target, Refused> {
    let Host::Domain(name) = url.host().ok_or(Refused::NoHost)? else {
        return Ok(Target::Literal);
    };
    let port = url.port_or_known_default().ok_or(Refused::Scheme)?;
    let found = lookup.look(name, port).await.map_err(|_| Refused::Lookup)?;
    if found.is_empty() || found.len() > MAX_ADDRESSES {
        return Err(Refused::Lookup);
    }
    for address in &found {
        judge_address(address.ip(), reach)?;
    }
    // The port is the url's, whatever the lookup says.
    Ok(Target::Pinned(found.iter().map(|address| SocketAddr::new(address.ip(), port)).collect()))
}

/// Where the host of an address may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On the public internet.
    Public,
    /// There, or inside: the operator named it.
    Private,
}

impl Reach {
    fn of(host: &Host<&str>, allowed: &Allowed) -> Self {
        if allowed.holds(host) { Self::Private } else { Self::Public }
    }
}

/// Judges one address.
pub fn judge_address(ip: IpAddr, reach: Reach) -> Result<(), Refused> {
    match reach {
        _ if is_public(ip) => Ok(()),
        Reach::Public => Err(Refused::Private(ip)),
        Reach::Private if is_never(ip) => Err(Refused::Never(ip)),
        Reach::Private => Ok(()),
    }
}

/// Whether an address is one of the public internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match carried(ip) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(ip),
        },
    }
}

/// Addresses that stay closed even where the operator allows a host: a cloud's metadata service stands on link-local
/// ones, and the others are nobody's.
fn is_never(ip: IpAddr) -> bool {
    let v4 = |ip: Ipv4Addr| {
        ip.is_link_local()
            || ip.is_multicast()
            || ip.is_unspecified()
            || ip.octets().first() >= Some(&240)
    };
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => {
            ip.is_multicast()
                || ip.is_unspecified()
                || ip.is_unicast_link_local()
                || carried(ip).is_some_and(v4)
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, or behind NAT64's well-known prefix.
fn carried(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    let is_nat64 = bits >> 32 == 0x0064_ff9b_u128 << 64;
    let inner = || u32::try_from(bits & 0xffff_ffff).ok().map(Ipv4Addr::from_bits);
    ip.to_ipv4_mapped().or_else(|| if is_nat64 { inner() } else { None })
}

/// Not public: network, first bits that count.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &(Ipv4Addr, u32)| {
        let shift = 32 - bits;
        ip.to_bits() >> shift == network.to_bits() >> shift
    };
    !SPECIAL_V4.iter().any(is_in)
}

/// Not public although it is in 2000::/3: protocol assignments with Teredo and benchmarking, documentation, 6to4.
const SPECIAL_V6: [(u128, u32); 4] =
    [(0x2001 << 112, 23), (0x2001_0db8 << 96, 32), (0x2002 << 112, 16), (0x3fff << 112, 20)];

/// Global unicast is 2000::/3; what is outside of it is local, special or not given out.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let bits = ip.to_bits();
    let is_in = |(network, count): &(u128, u32)| bits >> (128 - count) == network >> (128 - count);
    bits >> 125 == 1 && !SPECIAL_V6.iter().any(is_in)
}
