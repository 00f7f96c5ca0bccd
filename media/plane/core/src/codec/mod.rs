//! The payload formats of the codecs: what begins a key frame, to which layer a packet belongs, and which fields may be
//! rewritten.

pub mod dependencies;
pub mod keyframe;
pub mod numbers;
pub mod parameter_sets;
pub mod red;
pub mod selection;
pub mod telephone_event;
pub mod vp8;
pub mod vp9;
