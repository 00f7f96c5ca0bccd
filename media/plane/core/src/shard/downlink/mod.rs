//! The downlink: from the caches of producers to consumers.

pub mod allocate;
pub mod early_padding;
pub mod pace;
pub mod packet;
pub mod resend;
pub mod restart;
pub mod send;
pub mod target;
