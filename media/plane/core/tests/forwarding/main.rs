//! The packets that viewers get from publishers.

mod early_padding;
mod forwarding;
mod layers;
mod mirror;
mod numbers;
#[path = "../peer/mod.rs"]
mod peer;
#[path = "../recording/mod.rs"]
mod recording;
mod stopped;
mod voices;
