//! Checks of the arguments from Python. A wrong type is a TypeError. Any other bad value is a ValueError that names the
//! argument.

use plane_core::shard::tables::line::CNAME_BYTES_MAX;
use plane_core::shard::uplink::messages::MESSAGE_BYTES_MAX;
use plane_core::types::{Codec, Encoding, Extension, Feedback, Payload, PayloadMap};
use plane_core::wire::srtp_profile::Profile;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use std::net::{IpAddr, SocketAddr};

pub const ENTRIES_MAX: usize = 16;
/// Shards (packet threads) of the server; the server does not start with more. Chosen: no machine of this project has more
/// processors to spare. Larger: each thread may hold 16 MiB of datagrams from other threads, twice `HANDED_BYTES_MAX` (8 MiB);
/// above 62 (`handover::SHARDS_MAX`) the start panics. Smaller: a large machine leaves processors unused.
pub const SHARDS_MAX: i64 = 16;
pub const GATHER_US_MAX: i64 = 10_000;
pub const TCP_CONNECTIONS_MAX: i64 = 1_000_000;
pub const FIRST_ANSWER_MS_MAX: i64 = 600_000;
pub const RECEIVE_BUFFER_BYTES_MAX: i64 = 1 << 30;
pub const LAYERS_MAX: usize = 4;
pub const DTLS_BYTES_MAX: usize = 1500;
const PAYLOADS_MAX: usize = 64;
const FEEDBACK_KINDS: usize = 4;
pub const BITRATE_BPS_MAX: i64 = 1_000_000_000;
/// Bytes of the receive buffer of one line's socket (a line is an RTP stream of a hall's call). Chosen: 4 s of 2 Mbit/s.
/// Larger: more kernel memory for each line. Smaller: the kernel drops packets when the thread is late, and halls see a broken
/// picture.
pub const LINE_BUFFER_BYTES: usize = 1 << 20;
/// Milliseconds (one hour). Chosen. The longest time that Python may set until a terminal without packets counts as silent.
/// Larger: no effect, because the setting `hall_silent_s` allows at most 3,600. Smaller: with a longer setting, each line is
/// refused with a ValueError.
pub const SILENT_MS_MAX: i64 = 3_600_000;
const EXTENSIONS_MAX: usize = 32;
/// Bytes of a MID or a RID. A one-byte header extension holds at most 16 bytes (RFC 8285 §4.2). Larger: no effect, because
/// Python disconnects a peer with a longer one first (MID_CHARACTERS, RID_CHARACTERS). Smaller: a peer with a longer MID causes
/// a ValueError that Python does not expect.
const MID_BYTES_MAX: usize = 16;
pub const PAYLOAD_TYPE_MAX: i64 = 127;
pub const CLOCK_HZ_MAX: i64 = 192_000;

type Any<'a, 'py> = &'a Bound<'py, PyAny>;

pub fn refuse<T>(text: String) -> PyResult<T> {
    Err(PyValueError::new_err(text))
}

pub fn number(value: Any, what: &str, min: i64, max: i64) -> PyResult<i64> {
    let number = value.extract::<i64>().map_err(|error| plain(value.py(), error, what))?;
    in_range(number, what, min, max)
}

pub fn id(value: Any, what: &str) -> PyResult<u32> {
    Ok(number(value, what, 1, u32::MAX.into())? as u32)
}

pub fn ssrc(value: Any, what: &str, min: i64) -> PyResult<u32> {
    Ok(number(value, what, min, u32::MAX.into())? as u32)
}

fn in_range(number: i64, what: &str, min: i64, max: i64) -> PyResult<i64> {
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    refuse(format!("{what} must be {min}..{max}, not {number}"))
}

/// Return a `ValueError` for an integer beyond 64 bits, as for any other value out of range.
fn plain(py: Python, error: PyErr, what: &str) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        return PyValueError::new_err(format!("{what} is out of range"));
    }
    error
}

fn sequence<'py, T>(value: Any<'_, 'py>, what: &str, max: usize) -> PyResult<Vec<T>>
where
    Vec<T>: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    let len = value.len()?;
    if len > max {
        return refuse(format!("{what}: at most {max}, not {len}"));
    }
    value.extract().map_err(|error| plain(value.py(), error, what))
}

/// Check (address, port) entries. An address is an IP literal; names are not resolved.
pub fn entries(value: Any, what: &str) -> PyResult<Vec<SocketAddr>> {
    let entries: Vec<(String, i64)> = sequence(value, what, ENTRIES_MAX)?;
    entries.into_iter().map(|(address, port)| entry(&address, port, what)).collect()
}

/// Check the remote address of a line. None means that the line has no destination.
pub fn remote(value: Option<(String, i64)>, what: &str) -> PyResult<Option<SocketAddr>> {
    let Some((address, port)) = value else { return Ok(None) };
    let remote = entry(&address, port, what)?;
    if remote.port() == 0 || remote.ip().is_unspecified() || remote.ip().is_multicast() {
        return refuse(format!("{what}: {remote} is not the address of one terminal"));
    }
    Ok(Some(remote))
}

pub fn cname(text: String) -> PyResult<String> {
    if text.len() > CNAME_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse(format!("cname must be at most {CNAME_BYTES_MAX} visible ASCII characters"));
    }
    Ok(text)
}

pub fn feedback(value: Any) -> PyResult<Feedback> {
    let kinds: Vec<String> = sequence(value, "kinds", FEEDBACK_KINDS)?;
    let mut feedback = Feedback { nack: false, pli: false, fir: false, tmmbr: false };
    for kind in kinds {
        *match kind.as_str() {
            "nack" => &mut feedback.nack,
            "pli" => &mut feedback.pli,
            "fir" => &mut feedback.fir,
            "tmmbr" => &mut feedback.tmmbr,
            _ => return refuse(format!("feedback {kind:?} is not known")),
        } = true;
    }
    Ok(feedback)
}

fn entry(address: &str, port: i64, what: &str) -> PyResult<SocketAddr> {
    let port = in_range(port, &format!("{what} port"), 0, u16::MAX.into())? as u16;
    match address.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, port)),
        Err(_) => refuse(format!("{what}: {address:?} is not an IP address")),
    }
}

/// Check a text of ice-chars (RFC 8839 §5.4): letters, digits, `+`, `/`.
pub fn ice_chars(text: String, what: &str, min: usize, max: usize) -> PyResult<String> {
    let valid = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    if !valid || !(min..=max).contains(&text.len()) {
        return refuse(format!("{what} must be {min}..{max} ice-chars"));
    }
    Ok(text)
}

pub fn mid(text: String) -> PyResult<String> {
    token(text, "mid")
}

fn token(text: String, what: &str) -> PyResult<String> {
    if text.len() > MID_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse(format!("{what} must be at most {MID_BYTES_MAX} visible ASCII characters"));
    }
    Ok(text)
}

pub fn is_video(kind: &str) -> PyResult<bool> {
    match kind {
        "audio" => Ok(false),
        "video" => Ok(true),
        _ => refuse(format!("kind must be audio or video, not {kind:?}")),
    }
}

pub fn dtls(datagram: &[u8]) -> PyResult<Vec<u8>> {
    match datagram {
        [20..=63, ..] if datagram.len() <= DTLS_BYTES_MAX => Ok(datagram.to_vec()),
        _ => refuse(format!("datagram must be 1..{DTLS_BYTES_MAX} bytes that begin with 20..63 (DTLS)")),
    }
}

pub fn message(bytes: &[u8]) -> PyResult<Vec<u8>> {
    if bytes.is_empty() || bytes.len() > MESSAGE_BYTES_MAX {
        return refuse(format!("message must be 1..{MESSAGE_BYTES_MAX} bytes, not {}", bytes.len()));
    }
    Ok(bytes.to_vec())
}

pub fn profile(name: &str) -> PyResult<Profile> {
    match name {
        "AEAD_AES_128_GCM" => Ok(Profile::AeadAes128Gcm),
        "AES128_CM_SHA1_80" => Ok(Profile::Aes128CmSha1_80),
        "AES128_CM_SHA1_32" => Ok(Profile::Aes128CmSha1_32),
        _ => refuse(format!("profile {name:?} is not known")),
    }
}

pub fn secret(bytes: &[u8], what: &str, len: usize) -> PyResult<Vec<u8>> {
    if bytes.len() != len {
        return refuse(format!("{what} must be {len} bytes, not {}", bytes.len()));
    }
    Ok(bytes.to_vec())
}

pub fn extensions(value: Any) -> PyResult<Vec<(u8, Extension)>> {
    let list: Vec<(i64, String)> = sequence(value, "extensions", EXTENSIONS_MAX)?;
    let mut extensions: Vec<(u8, Extension)> = Vec::with_capacity(list.len());
    for (id, name) in list {
        let id = in_range(id, "extension id", 1, 255)? as u8;
        let extension = extension(&name)?;
        if extensions.iter().any(|(other, kind)| *other == id || *kind == extension) {
            return refuse(format!("extension {id} ({name}) is given twice"));
        }
        extensions.push((id, extension));
    }
    Ok(extensions)
}

fn extension(name: &str) -> PyResult<Extension> {
    Ok(match name {
        "mid" => Extension::Mid,
        "rid" => Extension::Rid,
        "repaired-rid" => Extension::RepairedRid,
        "audio-level" => Extension::AudioLevel,
        "transport-cc" => Extension::TransportCc,
        "abs-send-time" => Extension::AbsSendTime,
        "orientation" => Extension::Orientation,
        "dependency-descriptor" => Extension::DependencyDescriptor,
        "playout-delay" => Extension::PlayoutDelay,
        _ => return refuse(format!("extension {name:?} is not known")),
    })
}

pub fn encodings(value: Any) -> PyResult<Vec<Encoding>> {
    let list: Vec<(String, i64, i64)> = sequence(value, "encodings", LAYERS_MAX)?;
    if list.is_empty() {
        return refuse("encodings: at least one".into());
    }
    list.into_iter().map(encoding).collect()
}

fn encoding((rid, ssrc, rtx_ssrc): (String, i64, i64)) -> PyResult<Encoding> {
    Ok(Encoding {
        rid: token(rid, "rid")?,
        ssrc: in_range(ssrc, "encoding SSRC", 0, u32::MAX.into())? as u32,
        rtx_ssrc: in_range(rtx_ssrc, "encoding RTX SSRC", 0, u32::MAX.into())? as u32,
    })
}

pub fn payloads(value: Any) -> PyResult<Vec<Payload>> {
    let list: Vec<(i64, String, i64, i64)> = sequence(value, "payloads", PAYLOADS_MAX)?;
    list.into_iter().map(payload).collect()
}

fn payload((number, name, clock_hz, rtx): (i64, String, i64, i64)) -> PyResult<Payload> {
    Ok(Payload {
        payload_type: payload_type(number)?,
        codec: codec(&name)?,
        clock_hz: in_range(clock_hz, "clock rate", 1, CLOCK_HZ_MAX)? as u32,
        rtx: optional_payload_type(rtx)?,
    })
}

pub fn codec(name: &str) -> PyResult<Codec> {
    Ok(match name {
        "opus" => Codec::Opus,
        "red" => Codec::Red,
        "pcmu" => Codec::Pcmu,
        "pcma" => Codec::Pcma,
        "g722" => Codec::G722,
        "telephone-event" => Codec::TelephoneEvent,
        "vp8" => Codec::Vp8,
        "vp9" => Codec::Vp9,
        "h264" => Codec::H264,
        "h265" => Codec::H265,
        "av1" => Codec::Av1,
        _ => return refuse(format!("codec {name:?} is not known")),
    })
}

pub fn payload_maps(value: Any) -> PyResult<Vec<PayloadMap>> {
    let list: Vec<(i64, i64, i64)> = sequence(value, "payloads", PAYLOADS_MAX)?;
    list.into_iter()
        .map(|(from, to, rtx)| {
            Ok(PayloadMap { from: payload_type(from)?, to: payload_type(to)?, rtx: optional_payload_type(rtx)? })
        })
        .collect()
}

pub fn red_blocks(value: Any) -> PyResult<Vec<(u8, u8)>> {
    let list: Vec<(i64, i64)> = sequence(value, "red_blocks", PAYLOADS_MAX)?;
    list.into_iter().map(|(from, to)| Ok((payload_type(from)?, payload_type(to)?))).collect()
}

fn payload_type(number: i64) -> PyResult<u8> {
    Ok(in_range(number, "payload type", 0, PAYLOAD_TYPE_MAX)? as u8)
}

fn optional_payload_type(number: i64) -> PyResult<Option<u8>> {
    let number = in_range(number, "RTX payload type", -1, PAYLOAD_TYPE_MAX)?;
    Ok(u8::try_from(number).ok())
}
