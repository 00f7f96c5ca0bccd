//! Streams that Chromium sent (`recordings/*.txt`), and a receiver for them. The receiver decodes nothing, but it checks
//! everything that a decoder would need.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};

use plane_core::codec::dependencies::Dependencies;
use plane_core::codec::selection::Place;
use plane_core::codec::vp9;
use plane_core::types::Codec;
use plane_core::wire::rtp;

/// One recorded packet. Only the first bytes of its payload were kept.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub descriptor: Vec<u8>,
    pub payload: Vec<u8>,
}

/// Read a recording. Each line holds sequence number, timestamp, marker, bytes of payload, dependency descriptor, first bytes
/// of payload.
pub fn read(text: &str) -> Vec<Recorded> {
    let line = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let [sequence, timestamp, marker, len, descriptor, head] = words[..] else { panic!("six words: {line}") };
        let mut payload = hex(head);
        payload.resize(len.parse().unwrap(), 0);
        Recorded {
            sequence: sequence.parse().unwrap(),
            timestamp: timestamp.parse().unwrap(),
            marker: marker == "1",
            descriptor: hex(descriptor),
            payload,
        }
    };
    text.lines().filter(|text| !text.starts_with('#')).map(line).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = if text == "-" { "" } else { text };
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// A packet that a viewer received.
pub struct Arrived {
    pub header: rtp::Header,
    pub descriptor: Vec<u8>,
    pub payload: Vec<u8>,
}

pub fn arrived((header, packet): (rtp::Header, Vec<u8>)) -> Arrived {
    let descriptor = header.extensions(&packet).find(|(id, _)| *id == 12).map(|(_, value)| value.to_vec());
    let payload = packet[header.payload(&packet).unwrap()].to_vec();
    Arrived { header, descriptor: descriptor.unwrap_or_default(), payload }
}

/// One received picture: the places of its packets, in order.
#[derive(Clone, Debug)]
pub struct Picture {
    pub timestamp: u32,
    pub places: Vec<Place>,
}

impl Picture {
    pub fn top(&self) -> u8 {
        self.places.iter().map(|place| place.spatial).max().unwrap()
    }

    pub fn temporal(&self) -> u8 {
        self.places[0].temporal
    }
}

/// Check what a decoder needs, in the order of the sequence numbers. No number is missing. Frames are complete. All frames that
/// they refer to came before. Each picture ends with a marker, and no other packet has one. Panic otherwise.
pub fn check(codec: Codec, packets: Vec<Arrived>) -> Vec<Picture> {
    let first = packets.first().expect("something came").header.sequence;
    let mut by_number = BTreeMap::new();
    for packet in packets {
        let ahead = packet.header.sequence.wrapping_sub(first) as i16;
        assert!(by_number.insert(ahead, packet).is_none(), "number {ahead} twice");
    }
    assert!(by_number.keys().enumerate().all(|(at, number)| at as i16 == *number), "numbers are missing");
    let (mut dependencies, mut frames) = (Dependencies::default(), BTreeSet::new());
    let (mut pictures, mut open, mut ended) = (Vec::<Picture>::new(), None, true);
    for (number, packet) in &by_number {
        let frame = dependencies.read(&packet.descriptor, *number as u32).expect("a descriptor that is understood");
        if frame.place.fresh && frame.place.starts_frame {
            // A browser discards unsent packets when it makes a requested key frame.
            (open, ended) = (None, true);
        }
        if ended {
            assert!(pictures.last().is_none_or(|last| last.timestamp != packet.header.timestamp), "a picture goes on");
            pictures.push(Picture { timestamp: packet.header.timestamp, places: Vec::new() });
        }
        let picture = pictures.last_mut().unwrap();
        assert_eq!(picture.timestamp, packet.header.timestamp, "a picture without its end");
        picture.places.push(frame.place);
        ended = packet.header.marker;
        assert_eq!(frame.place.starts_frame, open.is_none(), "frames are whole");
        if frame.place.starts_frame {
            frame.references().for_each(|number| assert!(frames.contains(&number), "frame {number} is missing"));
            open = Some(frame.number);
        }
        assert_eq!(open, Some(frame.number));
        if frame.place.ends_frame {
            frames.insert(frame.number);
            open = None;
        }
        if codec == Codec::Vp9 {
            let told = vp9::parse(&packet.payload).unwrap().place.unwrap();
            let layers = |place: Place| (place.spatial, place.temporal, place.starts_frame, place.ends_frame);
            assert_eq!(layers(told), layers(frame.place));
        }
    }
    assert!(ended && open.is_none(), "the last picture is whole");
    pictures
}
