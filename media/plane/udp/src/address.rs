//! Conversion between Rust socket addresses and the kernel's socket addresses.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A structure with room for an IPv4 or IPv6 address.
pub type Storage = libc::sockaddr_in6;

pub const STORAGE_LEN: libc::socklen_t = mem::size_of::<Storage>() as libc::socklen_t;

pub fn empty() -> Storage {
    // SAFETY: this is a C structure of integers, and all zeros are a valid value.
    unsafe { mem::zeroed() }
}

/// Write `address` into `storage` and return its length.
pub fn encode(address: &SocketAddr, storage: &mut Storage) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            let plain = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: in_addr(*v4.ip()),
                sin_zero: [0; 8],
            };
            // SAFETY: `Storage` is larger than `sockaddr_in` and has at least the same alignment.
            unsafe { (storage as *mut Storage).cast::<libc::sockaddr_in>().write(plain) };
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            *storage = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: in6_addr(*v6.ip()),
                sin6_scope_id: v6.scope_id(),
            };
            STORAGE_LEN
        }
    }
}

/// Read an address that the kernel wrote, or return None for another address family.
pub fn decode(storage: &Storage) -> Option<SocketAddr> {
    match i32::from(storage.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the family shows that the kernel wrote a `sockaddr_in` here.
            let v4 = unsafe { *(storage as *const Storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(storage.sin6_addr.s6_addr);
            let port = u16::from_be(storage.sin6_port);
            Some(SocketAddrV6::new(ip, port, 0, storage.sin6_scope_id).into())
        }
        _ => None,
    }
}

pub fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from(ip).to_be() }
}

pub fn in6_addr(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: ip.octets() }
}

/// Return the IPv4 address itself (a mapped address too), or the IPv6 network of `bits` bits around the address.
pub fn network_of(address: &SocketAddr, bits: u32) -> IpAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) & (u128::MAX << (128 - bits))).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["127.0.0.1:1", "203.0.113.9:65535", "[::1]:443", "[fe80::1%7]:9", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut storage = empty();
            encode(&address, &mut storage);
            assert_eq!(decode(&storage), Some(address));
        }
        assert_eq!(decode(&empty()), None);
    }

    #[test]
    fn an_address_lies_in_one_network() {
        let of = |text: &str, bits| network_of(&text.parse().unwrap(), bits);
        assert_eq!(of("[2001:db8::1]:5", 64), of("[2001:db8::2:0:0:1]:6", 64));
        assert_ne!(of("[2001:db8::1]:5", 64), of("[2001:db8:0:1::1]:5", 64));
        assert_eq!(of("[2001:db8::1]:5", 48), of("[2001:db8:0:1::1]:5", 48));
        assert_ne!(of("10.0.0.1:5", 48), of("10.0.0.2:5", 48));
        assert_eq!(of("[::ffff:10.0.0.1]:5", 48), of("10.0.0.1:5", 64));
    }
}
