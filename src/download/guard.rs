//! Where we may dial: public addresses at the usual ports, and what the operator allows by name or network.
//!
//! Pure: it judges addresses, and neither resolves nor dials. Whoever dials asks about each address that a name has
//! just been resolved to, and dials that address and no other, so a name that changes its mind in between gains
//! nothing.
//!
//! Sources: the IANA special-purpose address registries (RFC 6890 and what followed); the metadata addresses are those
//! that the providers document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// One thing that is allowed beyond the public addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A host by its name or address, whatever it resolves to.
    Host(String),
    /// All addresses of a network, at any port.
    Network(IpNet),
}

impl FromStr for Allowed {
    type Err = String;

    /// Reads a host name, an address, or a network as `10.0.0.0/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither a host nor a network; write origin.lan or 10.0.0.0/8");
        if text.contains('/') {
            return text.parse().map(|network: IpNet| Self::Network(network.trunc())).map_err(|_| wrong());
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) if !text.contains([':', '*']) => Ok(Self::Host(plain(&name))),
            Ok(Host::Ipv4(address)) => Ok(Self::Network(IpAddr::from(address).into())),
            _ => Err(wrong()),
        }
    }
}

/// Returns a name as it is compared: lower case, without the root's dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither http nor https.
    #[error("{0:?} addresses are not fetched")]
    Scheme(String),
    /// A name or a password stands in the address.
    #[error("the address holds a user name or a password")]
    Credentials,
    /// An address without a host.
    #[error("the address names no host")]
    NoHost,
    /// A port that is not 80 or 443.
    #[error("port {port} of {host} is not one that we dial")]
    Port {
        /// The host as named.
        host: String,
        /// The port.
        port: u16,
    },
    /// An address inside somebody's network.
    #[error("{} is {what}", place(host, *address))]
    Address {
        /// The host as named.
        host: String,
        /// What it resolved to.
        address: IpAddr,
        /// Which sort of address that is.
        what: &'static str,
    },
}

/// Returns `intranet (10.0.0.1)`, or the address alone where it was given as such.
fn place(host: &str, address: IpAddr) -> String {
    if host == address.to_string() { host.to_owned() } else { format!("{host} ({address})") }
}

impl Refusal {
    pub(super) fn cure(&self) -> &'static str {
        match self {
            Self::Scheme(_) | Self::NoHost => "write it like https://origin.example/lesson.flv",
            Self::Credentials => "leave them out: addresses end up in logs",
            Self::Address { what, .. } if *what == METADATA => "metadata addresses are never dialled",
            Self::Port { .. } | Self::Address { .. } => {
                "allow an origin of your own by its host or network: --allow 10.0.0.0/8, or download.allow"
            }
        }
    }
}

const METADATA: &str = "a cloud's metadata service";

/// The metadata services of the clouds. Some of these are public addresses, so that nothing else would stop them.
const METADATA_V4: [Ipv4Addr; 8] = [
    // Most clouds; containers on AWS, twice; Tencent; Scaleway; Aliyun; Oracle; Azure.
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// As above, where they have an IPv6 address: AWS, its containers, Google, Scaleway, Oracle, OpenStack.
const METADATA_V6: [Ipv6Addr; 6] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// Networks that are nobody's on the public internet.
const SPECIAL_V4: [(Ipv4Net, &str); 15] = [
    (v4(0, 0, 0, 0, 8), "this host itself"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a carrier's private address"),
    (v4(127, 0, 0, 0, 8), "this host itself"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a protocol's own address"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "a relay into IPv6"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

const fn v6(head: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

/// All that is public in IPv6, apart from [`SPECIAL_V6`].
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// Parts of [`GLOBAL_V6`] that lead elsewhere or nowhere.
const SPECIAL_V6: [(Ipv6Net, &str); 4] = [
    (v6([0x2001, 0, 0, 0], 23), "a protocol's own address or a tunnel"),
    (v6([0x2001, 0xdb8, 0, 0], 32), "an address for documentation"),
    (v6([0x2002, 0, 0, 0], 16), "a tunnel to an IPv4 address"),
    (v6([0x3fff, 0, 0, 0], 20), "an address for documentation"),
];

/// What may be dialled.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Vec<Allowed>,
}

/// A host and a port that may be dialled if its addresses may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host as the address names it, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether to speak TLS.
    pub secure: bool,
    /// The address, where the host is one already.
    pub literal: Option<IpAddr>,
}

impl Guard {
    /// Returns the guard that admits the public internet and `allowed`.
    pub const fn new(allowed: Vec<Allowed>) -> Self {
        Self { allowed }
    }

    /// Returns what `url` leads to, as far as the address alone tells.
    ///
    /// # Errors
    /// What stands in it is refused, whatever the host resolves to.
    pub fn target(&self, url: &Url) -> Result<Target, Refusal> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(Refusal::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let (host, literal) = match url.host() {
            Some(Host::Domain(name)) => (name.to_owned(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(address.into())),
            Some(Host::Ipv6(address)) => (address.to_string(), Some(address.into())),
            None => return Err(Refusal::NoHost),
        };
        let port = url.port_or_known_default().unwrap_or(0);
        let target = Target { host, port, secure, literal };
        match literal {
            Some(address) => self.admit(&target, address).map(|()| target),
            None if self.may_use_port(&target) => Ok(target),
            None => Err(Refusal::Port { host: target.host, port }),
        }
    }

    /// Judges one address that `target` has just been resolved to.
    ///
    /// # Errors
    /// It must not be dialled.
    pub fn admit(&self, target: &Target, address: IpAddr) -> Result<(), Refusal> {
        let refuse = |what| Err(Refusal::Address { host: target.host.clone(), address, what });
        if is_metadata(address) {
            return refuse(METADATA);
        }
        let canonical = address.to_canonical();
        let is_inside =
            |allowed: &Allowed| matches!(allowed, Allowed::Network(network) if network.contains(&canonical));
        if self.names(&target.host) || self.allowed.iter().any(is_inside) {
            return Ok(());
        }
        if let Some(what) = special(address) {
            return refuse(what);
        }
        if is_usual(target.port) {
            return Ok(());
        }
        Err(Refusal::Port { host: target.host.clone(), port: target.port })
    }

    fn names(&self, host: &str) -> bool {
        let host = plain(host);
        self.allowed.iter().any(|allowed| matches!(allowed, Allowed::Host(name) if *name == host))
    }

    /// Other ports are for what is allowed by hand; whether a name is inside of an allowed network its addresses tell.
    fn may_use_port(&self, target: &Target) -> bool {
        let has_networks = self.allowed.iter().any(|allowed| matches!(allowed, Allowed::Network(_)));
        is_usual(target.port) || self.names(&target.host) || has_networks
    }
}

const fn is_usual(port: u16) -> bool {
    matches!(port, 80 | 443)
}

fn is_metadata(address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(address) => embedded(address),
    };
    let is_v6 = |address| matches!(address, IpAddr::V6(address) if METADATA_V6.contains(&address));
    inner.is_some_and(|address| METADATA_V4.contains(&address)) || is_v6(address)
}

/// Returns the IPv4 address that an IPv6 address carries for some gateway to unpack: mapped and compatible, NAT64
/// (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x64, 0xff9b, 1, _, _, _, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

/// Returns which sort of address it is, unless it is a public one.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) if GLOBAL_V6.contains(&address) => {
            SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
        }
        IpAddr::V6(address) => Some(local_v6(address)),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
}

fn local_v6(address: Ipv6Addr) -> &'static str {
    if address.is_loopback() || address.is_unspecified() {
        return "this host itself";
    }
    match address.segments()[0] {
        0xfc00..=0xfdff => "a private address",
        0xfe80..=0xfebf => "a link-local address",
        0xff00..=0xffff => "a multicast address",
        _ if embedded(address).is_some() => "an IPv4 address in disguise",
        _ => "not a public address",
    }
}

#[cfg(test)]
mod tests;
