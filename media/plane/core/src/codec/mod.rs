//! Payloads of codecs: what begins a key frame, which layer a packet is of, what may be rewritten.

pub mod dependencies;
pub mod keyframe;
pub mod numbers;
pub mod parameter_sets;
pub mod red;
pub mod selection;
pub mod telephone_event;
pub mod vp8;
pub mod vp9;
