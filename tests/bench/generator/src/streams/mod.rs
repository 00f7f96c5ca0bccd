//! The media of one stream: the packets that a publisher sends, and a viewer's record of them.

pub mod sink;
pub mod source;
