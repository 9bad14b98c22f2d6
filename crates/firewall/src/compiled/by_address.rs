//! From addresses of both families to the rules that are about them.

use std::net::IpAddr;

use super::segments::Segments;
use crate::RuleAddress;
use crate::address::canonical;

/// Which of many addresses and ranges an address is in, found in about as many steps however many there are
/// and however they overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByAddress {
    v4: Segments<u32>,
    v6: Segments<u128>,
}

impl ByAddress {
    /// Of addresses in the order in which they count.
    pub(crate) fn new<'a>(addresses: impl IntoIterator<Item = &'a RuleAddress>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (rank, address) in (0..).zip(addresses) {
            for range in address.ranges() {
                match range {
                    (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits(), rank)),
                    (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits(), rank)),
                    (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                        unreachable!("both ends of a range are of one family")
                    }
                }
            }
        }
        Self { v4: Segments::cut(&v4), v6: Segments::cut(&v6) }
    }

    /// The first one that a client is in. An IPv4 address in IPv6 is its IPv4 address, and both loopbacks
    /// are one.
    pub(crate) fn first(&self, client: IpAddr) -> Option<usize> {
        let rank = match canonical(client) {
            IpAddr::V4(client) => self.v4.at(client.to_bits()),
            IpAddr::V6(client) => self.v6.at(client.to_bits()),
        };
        rank.map(|rank| rank as usize)
    }

    /// How many segments of IPv4 there are.
    #[cfg(test)]
    pub(super) fn segments_of_v4(&self) -> usize {
        self.v4.len()
    }
}
