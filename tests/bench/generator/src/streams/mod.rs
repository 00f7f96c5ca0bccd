//! The media of one stream: what a publisher sends, and what a viewer notes of it.

pub mod sink;
pub mod source;
