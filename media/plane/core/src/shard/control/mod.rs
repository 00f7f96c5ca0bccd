//! The execution of commands: things are opened, changed and closed, with everything that depends on them.

pub mod consumers;
pub mod dispatch;
pub mod line_sockets;
pub mod lines;
pub mod peers;
pub mod producers;
pub mod transports;
