//! The packets that viewers get from publishers.

mod early_padding;
mod layers;
mod mirror;
mod numbers;
mod packets;
mod stopped;
mod voices;
