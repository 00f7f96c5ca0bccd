//! Whether a packet begins a frame that can be decoded without any before it. Looks at the payload's first bytes only.

use crate::command::Codec;
use crate::rtp::u16_at;
use crate::vp8;

/// `dependency_descriptor`: the value of that header extension, where the packet has one (used for AV1).
pub fn starts_keyframe(codec: Codec, payload: &[u8], dependency_descriptor: Option<&[u8]>) -> bool {
    match codec {
        Codec::Vp8 => vp8::parse(payload).is_ok_and(|descriptor| descriptor.keyframe),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => h264(payload),
        Codec::Av1 => av1(payload) || dependency_descriptor.is_some_and(brings_structure),
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::TelephoneEvent => false,
    }
}

/// RFC 9628 §4.2: B set, P clear, and the lowest spatial layer where layer indices are there.
fn vp9(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else { return false };
    if first & 0x40 != 0 || first & 0x08 == 0 {
        return false;
    }
    if first & 0x20 == 0 {
        return payload.len() > 1;
    }
    let layer_at = match (first & 0x80 != 0, payload.get(1)) {
        (false, _) => 1,
        (true, Some(id)) if id & 0x80 != 0 => 3,
        (true, _) => 2,
    };
    payload.get(layer_at).is_some_and(|byte| byte >> 1 & 0x07 == 0)
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

/// RFC 6184 §5.7.1: 16-bit length, unit, and so on.
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

/// An IDR slice counts only with `first_mb_in_slice` 0, whose Exp-Golomb code is a single set bit.
fn begins(kind: u8, next: Option<&u8>) -> bool {
    kind == SPS || kind == IDR && next.is_some_and(|byte| byte & 0x80 != 0)
}

/// AV1 RTP §4.4: N marks the first packet of a coded video sequence; Z continues an earlier fragment.
fn av1(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & 0x08 != 0 && payload[0] & 0x80 == 0
}

/// AV1 RTP annex A.8.2: start of frame, extended part present, and it carries the template structure.
fn brings_structure(descriptor: &[u8]) -> bool {
    descriptor.len() > 3 && descriptor[0] & 0x80 != 0 && descriptor[3] & 0x80 != 0
}

#[cfg(test)]
#[path = "keyframe_tests.rs"]
mod tests;
