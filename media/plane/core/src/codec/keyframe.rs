//! Detection of packets that begin a frame which a decoder can decode without earlier frames. The code looks only at the first
//! bytes of the payload.

use crate::codec::{vp8, vp9};
use crate::types::Codec;
use crate::wire::rtp::u16_at;

/// Report whether the packet begins a key frame. `dependency_descriptor` is the value of that header extension, if the packet
/// has the extension (used for AV1).
pub fn starts_keyframe(codec: Codec, payload: &[u8], dependency_descriptor: Option<&[u8]>) -> bool {
    match codec {
        Codec::Vp8 => vp8::parse(payload).is_ok_and(|descriptor| descriptor.keyframe),
        Codec::Vp9 => vp9::parse(payload).is_ok_and(|descriptor| descriptor.keyframe),
        Codec::H264 => h264(payload),
        Codec::H265 => h265(payload),
        Codec::Av1 => av1(payload) || dependency_descriptor.is_some_and(brings_structure),
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::TelephoneEvent => false,
    }
}

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

fn h264(payload: &[u8]) -> bool {
    match payload.first().map(|byte| byte & 0x1f) {
        Some(STAP_A) => aggregated(&payload[1..]),
        Some(FU_A) => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && begins(fu & 0x1f, payload.get(2))),
        Some(kind) => begins(kind, payload.get(1)),
        None => false,
    }
}

/// RFC 6184 §5.7.1: a 16-bit length and a unit, repeated.
fn aggregated(mut units: &[u8]) -> bool {
    while units.len() > 2 {
        let end = 2 + usize::from(u16_at(units, 0));
        let Some(unit) = units.get(2..end) else { return false };
        if unit.first().is_some_and(|byte| begins(byte & 0x1f, unit.get(1))) {
            return true;
        }
        units = &units[end..];
    }
    false
}

/// Report whether a unit begins a key frame. An IDR slice counts only if `first_mb_in_slice` is 0, whose Exp-Golomb code is a
/// single set bit.
fn begins(kind: u8, next: Option<&u8>) -> bool {
    kind == SPS || kind == IDR && next.is_some_and(|byte| byte & 0x80 != 0)
}

/// RFC 7798 §4.4: single units, aggregation packets (48) and fragmentation units (49).
fn h265(payload: &[u8]) -> bool {
    match payload.first().map(|byte| byte >> 1 & 0x3f) {
        Some(AGGREGATED) => {
            let mut units = &payload[2.min(payload.len())..];
            while units.len() > 4 {
                if begins_h265(units[2] >> 1 & 0x3f, units.get(4)) {
                    return true;
                }
                units = units.get(2 + usize::from(u16_at(units, 0))..).unwrap_or(&[]);
            }
            false
        }
        Some(FRAGMENT) => payload.get(2).is_some_and(|fu| fu & 0x80 != 0 && begins_h265(fu & 0x3f, payload.get(3))),
        Some(kind) => begins_h265(kind, payload.get(2)),
        None => false,
    }
}

const AGGREGATED: u8 = 48;
const FRAGMENT: u8 = 49;

/// Report whether a unit is a parameter set (32 to 34), or the first slice segment of a random access picture (16 to 23).
fn begins_h265(kind: u8, next: Option<&u8>) -> bool {
    (32..=34).contains(&kind) || (16..=23).contains(&kind) && next.is_some_and(|byte| byte & 0x80 != 0)
}

/// AV1 RTP §4.4: N marks the first packet of a coded video sequence. Z marks the continuation of an earlier fragment.
fn av1(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & 0x08 != 0 && payload[0] & 0x80 == 0
}

/// AV1 RTP annex A.8.2: report whether the packet starts a frame and its extended descriptor carries the template structure.
fn brings_structure(descriptor: &[u8]) -> bool {
    descriptor.len() > 3 && descriptor[0] & 0x80 != 0 && descriptor[3] & 0x80 != 0
}

#[cfg(test)]
#[path = "keyframe_tests.rs"]
mod tests;
