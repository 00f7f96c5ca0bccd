//! The connections that have proved nothing yet, by their network. When there are too many, this module chooses the connection
//! to close: the oldest connection of the network with the most connections.
//!
//! A network is an IPv4 address, or an IPv6 network of 48 bits (the size for one customer) that contains networks of 64 bits.

use crate::address::network_of;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// Connections by age. The age is the number of the admission.
type Ages = BTreeMap<u64, u32>;

/// The connections of one customer: the connections of each smaller network, and these networks by size.
#[derive(Default)]
struct Customer {
    networks: HashMap<IpAddr, Ages>,
    sizes: BTreeSet<(usize, IpAddr)>,
    size: usize,
}

#[derive(Default)]
pub struct Strangers {
    customers: HashMap<IpAddr, Customer>,
    sizes: BTreeSet<(usize, IpAddr)>,
    /// The place of each connection: age, customer, network.
    places: HashMap<u32, (u64, IpAddr, IpAddr)>,
    admissions: u64,
}

/// Bits of an IPv6 address that identify one customer of a provider (/48), and one network of that customer (/64, RFC 4291
/// §2.5.4). Chosen. Larger: an attacker counts as many customers. Smaller: many customers count as one.
const CUSTOMER_BITS: u32 = 48;
const NETWORK_BITS: u32 = 64;

impl Strangers {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn insert(&mut self, connection: u32, remote: &SocketAddr) {
        let (customer, network) = (network_of(remote, CUSTOMER_BITS), network_of(remote, NETWORK_BITS));
        self.admissions += 1;
        self.places.insert(connection, (self.admissions, customer, network));
        let entry = self.customers.entry(customer).or_default();
        resize(&mut self.sizes, customer, entry.size, entry.size + 1);
        entry.size += 1;
        let ages = entry.networks.entry(network).or_default();
        resize(&mut entry.sizes, network, ages.len(), ages.len() + 1);
        ages.insert(self.admissions, connection);
    }

    /// Remove a connection, and report whether it was a stranger.
    pub fn remove(&mut self, connection: u32) -> bool {
        let Some((age, customer, network)) = self.places.remove(&connection) else { return false };
        let Some(entry) = self.customers.get_mut(&customer) else { return true };
        resize(&mut self.sizes, customer, entry.size, entry.size - 1);
        entry.size -= 1;
        if let Some(ages) = entry.networks.get_mut(&network) {
            resize(&mut entry.sizes, network, ages.len(), ages.len() - 1);
            ages.remove(&age);
            if ages.is_empty() {
                entry.networks.remove(&network);
            }
        }
        if entry.size == 0 {
            self.customers.remove(&customer);
        }
        true
    }

    /// Return the connection to close to make room for another connection.
    pub fn most_dispensable(&self) -> Option<u32> {
        let customer = &self.customers[&self.sizes.last()?.1];
        let ages = &customer.networks[&customer.sizes.last()?.1];
        ages.first_key_value().map(|(_, connection)| *connection)
    }
}

/// Change the size of a network in the ordered set. An empty network is not in the set.
fn resize(sizes: &mut BTreeSet<(usize, IpAddr)>, key: IpAddr, before: usize, after: usize) {
    sizes.remove(&(before, key));
    if after > 0 {
        sizes.insert((after, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strangers(addresses: &[&str]) -> Strangers {
        let mut all = Strangers::default();
        for (number, address) in addresses.iter().enumerate() {
            all.insert(number as u32, &address.parse().unwrap());
        }
        all
    }

    #[test]
    fn the_oldest_of_the_fullest_network_makes_room() {
        let mut all = strangers(&["10.0.0.1:1", "10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1"]);
        assert_eq!(all.most_dispensable(), Some(1));
        assert!(all.remove(1) && !all.remove(1));
        all.insert(9, &"10.0.0.1:7".parse().unwrap());
        assert_eq!(all.most_dispensable(), Some(0));
        for number in [0, 2, 3, 9] {
            assert!(all.remove(number));
        }
        assert_eq!((all.len(), all.most_dispensable()), (0, None));
        assert!(all.customers.is_empty() && all.sizes.is_empty());
    }

    #[test]
    fn many_networks_of_one_customer_are_one_crowd() {
        let mut addresses: Vec<String> = (0..5).map(|part| format!("[2001:db8:1:{part}::1]:1")).collect();
        addresses.push("[2001:db8:1:4::2]:1".into());
        addresses.splice(0..0, ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"].map(String::from));
        let all = strangers(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
        // The customer has six connections and the single address has three. The customer's /64 network with two connections
        // loses one.
        assert_eq!(all.most_dispensable(), Some(7));
    }
}
