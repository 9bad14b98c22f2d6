//! What kinds of addresses there are.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is that not everybody can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// Where machines are told about themselves, secrets among it.
    Metadata,
    /// This machine.
    Loopback,
    /// No address at all.
    Unspecified,
    /// A private network, or one that is unique to a site.
    Private,
    /// The network that a machine is in.
    LinkLocal,
    /// What providers share among their customers.
    Shared,
    /// Many machines at once.
    Multicast,
    /// Every machine of a network.
    Broadcast,
    /// Examples in texts.
    Documentation,
    /// Measurements.
    Benchmarking,
    /// An address of version 4 in one of version 6, by a way that leads who knows where.
    Tunnel,
    /// Whatever else is not for everybody.
    Reserved,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "an address where machines are told about themselves",
            Self::Loopback => "a loopback address",
            Self::Unspecified => "the unspecified address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address shared by customers of a provider",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Tunnel => "an IPv4 address in a tunnel over IPv6",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Where clouds tell machines about themselves, outside of 169.254.0.0/16: Alibaba, Azure, Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
/// The same: Amazon, for machines and for containers, Google, Scaleway, and OpenStack, which is asked at the
/// link itself.
const METADATA_V6: [Ipv6Addr; 5] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

impl AddressKind {
    /// What kind of address it is; `None` for one that everybody can call.
    pub fn of(address: IpAddr) -> Option<Self> {
        Self::of_metadata(address).or_else(|| match address.to_canonical() {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        })
    }

    /// Whether machines are told about themselves there, in whichever form the address is written.
    pub(crate) fn of_metadata(address: IpAddr) -> Option<Self> {
        let is = match address {
            IpAddr::V4(address) => is_metadata_v4(address),
            IpAddr::V6(address) => {
                METADATA_V6.contains(&address)
                    || embedded(address).is_some_and(is_metadata_v4)
                    || translated(address).into_iter().flatten().any(is_metadata_v4)
            }
        };
        is.then_some(Self::Metadata)
    }
}

fn is_metadata_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

fn of_v4(address: Ipv4Addr) -> Option<AddressKind> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, 0, 0) if address.is_unspecified() => AddressKind::Unspecified,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => AddressKind::Private,
        (100, 64..=127, _) => AddressKind::Shared,
        (127, ..) => AddressKind::Loopback,
        (169, 254, _) => AddressKind::LinkLocal,
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => AddressKind::Documentation,
        (198, 18 | 19, _) => AddressKind::Benchmarking,
        (192, 88, 99) => AddressKind::Tunnel,
        (224..=239, ..) => AddressKind::Multicast,
        (255, 255, 255) if address.is_broadcast() => AddressKind::Broadcast,
        (0 | 240..=255, ..) | (192, 0, 0) => AddressKind::Reserved,
        _ => return None,
    })
}

/// Only what was given out for everybody can be called: 2000::/3, and what NAT64 makes of IPv4.
fn of_v6(address: Ipv6Addr) -> Option<AddressKind> {
    let segments = address.segments();
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return embedded(address).and_then(of_v4),
        // NAT64 of a site's own, 6to4, Teredo, and what IPv4 was once written as.
        [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => AddressKind::Tunnel,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressKind::Documentation,
        [0x2001, 2, 0, ..] => AddressKind::Benchmarking,
        [0x2001, 1..=0x1ff, ..] => AddressKind::Reserved,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressKind::Private,
        // The interface part that ISATAP makes of an address of version 4.
        [.., 0 | 0x200, 0x5efe, _, _] => AddressKind::Tunnel,
        [0x2000..=0x3fff, ..] => return None,
        _ => AddressKind::Reserved,
    })
}

/// The address of version 4 that one of version 6 stands for, whichever way it does.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let at = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // Mapped, translated, compatible; NAT64 by the well-known prefix.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [.., 0 | 0x200, 0x5efe, high, low] => Some(at(high, low)),
        [0x2002, high, low, ..] => Some(at(high, low)),
        // The client of Teredo, whose bits are turned round.
        [0x2001, 0, .., high, low] => Some(at(!high, !low)),
        _ => None,
    }
}

/// The addresses of version 4 that one of a site's own NAT64 may stand for: that depends on how long the
/// site's prefix is (RFC 6052 section 2.2), which nobody outside knows.
fn translated(address: Ipv6Addr) -> Option<[Ipv4Addr; 4]> {
    let [0x64, 0xff9b, 1, ..] = address.segments() else { return None };
    let octets = address.octets();
    let at = |bytes: [usize; 4]| Ipv4Addr::from(bytes.map(|byte| octets[byte]));
    // Behind 48, 56, 64 and 96 bits; the ninth byte is never a part of it.
    Some([at([6, 7, 9, 10]), at([7, 9, 10, 11]), at([9, 10, 11, 12]), at([12, 13, 14, 15])])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<AddressKind> {
        AddressKind::of(address.parse().unwrap())
    }

    #[test]
    fn what_is_not_for_everybody_is_told_by_its_kind() {
        use AddressKind as Is;
        for (address, expected) in [
            ("0.0.0.0", Is::Unspecified),
            ("0.1.2.3", Is::Reserved),
            ("10.0.0.1", Is::Private),
            ("100.64.0.1", Is::Shared),
            ("100.127.255.255", Is::Shared),
            ("127.0.0.1", Is::Loopback),
            ("127.255.255.254", Is::Loopback),
            ("169.254.169.254", Is::Metadata),
            ("169.254.170.2", Is::Metadata),
            ("100.100.100.200", Is::Metadata),
            ("168.63.129.16", Is::Metadata),
            ("192.0.0.192", Is::Metadata),
            ("172.16.0.1", Is::Private),
            ("172.31.255.255", Is::Private),
            ("192.0.0.1", Is::Reserved),
            ("192.0.2.1", Is::Documentation),
            ("192.88.99.1", Is::Tunnel),
            ("192.168.0.1", Is::Private),
            ("198.18.0.1", Is::Benchmarking),
            ("198.19.255.255", Is::Benchmarking),
            ("198.51.100.1", Is::Documentation),
            ("203.0.113.1", Is::Documentation),
            ("224.0.0.1", Is::Multicast),
            ("240.0.0.1", Is::Reserved),
            ("255.255.255.255", Is::Broadcast),
            ("::", Is::Unspecified),
            ("::1", Is::Loopback),
            ("::7f00:1", Is::Tunnel),
            ("::ffff:127.0.0.1", Is::Loopback),
            ("::ffff:10.0.0.1", Is::Private),
            ("::ffff:169.254.169.254", Is::Metadata),
            ("::ffff:0:127.0.0.1", Is::Reserved),
            ("64:ff9b::127.0.0.1", Is::Loopback),
            ("64:ff9b::a9fe:a9fe", Is::Metadata),
            ("64:ff9b:1::8.8.8.8", Is::Tunnel),
            ("64:ff9b:1:abcd::a9fe:a9fe", Is::Metadata),
            ("64:ff9b:1:a9fe:a9:fe00::", Is::Metadata),
            ("64:ff9b:1:64:64:64c8::", Is::Metadata),
            ("64:ff9b:1:0:a9:fea9:fe00:0", Is::Metadata),
            ("2002:7f00:1::", Is::Tunnel),
            ("2002:a9fe:a9fe::1", Is::Metadata),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Is::Tunnel),
            ("2001:0:4136:e378:8000:63bf:5601:5601", Is::Metadata),
            ("2001:2::1", Is::Benchmarking),
            ("2001:10::1", Is::Reserved),
            ("2001:db8::1", Is::Documentation),
            ("3fff:fff::1", Is::Documentation),
            ("2606:4700::5efe:7f00:1", Is::Tunnel),
            ("5f00::1", Is::Reserved),
            ("100::1", Is::Reserved),
            ("fc00::1", Is::Private),
            ("fd12:3456::1", Is::Private),
            ("fd00:ec2::254", Is::Metadata),
            ("fd20:ce::254", Is::Metadata),
            ("fd00:42::42", Is::Metadata),
            ("fe80::a9fe:a9fe", Is::Metadata),
            ("fe80::1", Is::LinkLocal),
            ("fec0::1", Is::Private),
            ("ff02::1", Is::Multicast),
        ] {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn what_everybody_can_call_has_no_kind() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.17.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "3fff:1000::1",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }
}
