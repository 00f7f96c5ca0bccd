//! Control messages (cmsg) beside a datagram: segment sizes and local addresses. This module knows their layout.

use crate::address::{in_addr, in6_addr};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A buffer with room for a segment size and an IPv6 packet info, aligned as `cmsghdr` requires.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Control(pub [u8; 128]);

impl Control {
    pub const EMPTY: Control = Control([0; 128]);
}

/// The control data that the kernel gave with a datagram.
#[derive(Default)]
pub struct Told {
    /// Bytes of each datagram that the kernel merged into this one (UDP_GRO). 0 means a single datagram.
    pub segment: usize,
    /// The destination address of the datagram.
    pub local: Option<IpAddr>,
}

/// Read the control messages of a received header.
pub fn read(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: the kernel filled `msg_control` with `msg_controllen` bytes of well-formed messages, and CMSG_NXTHDR walks over
    // them. Each payload is read unaligned, with the type that its level and type name.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    told.segment = data.cast::<libc::c_int>().read_unaligned().max(0) as usize;
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    told.local = Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    told.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    told
}

/// Write the control messages of a datagram or run and return the length used. `segment` 0 means no segment size.
pub fn write(control: &mut Control, segment: u16, local: Option<IpAddr>) -> usize {
    let mut used = 0;
    if segment != 0 {
        used = append(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    match local {
        Some(IpAddr::V4(ip)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr(ip),
                ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
            };
            append(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        Some(IpAddr::V6(ip)) => {
            let info = libc::in6_pktinfo { ipi6_addr: in6_addr(ip), ipi6_ifindex: 0 };
            append(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
        None => used,
    }
}

fn append<T: Copy>(control: &mut Control, used: usize, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let len = mem::size_of::<T>() as libc::c_uint;
    // SAFETY: these two functions only compute.
    let (length, space) = unsafe { (libc::CMSG_LEN(len) as usize, libc::CMSG_SPACE(len) as usize) };
    assert!(used + space <= control.0.len());
    let start = control.0[used..].as_mut_ptr();
    // SAFETY: `used` is a sum of CMSG_SPACE values, so the header is aligned. The next `space` bytes belong to this buffer.
    unsafe {
        let header = start.cast::<libc::cmsghdr>();
        (*header).cmsg_len = length as _;
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
    }
    used + space
}
