//! The packets that viewers get from publishers.

mod early_padding;
mod forwarding;
mod layers;
mod mirror;
mod numbers;
mod stopped;
mod voices;
