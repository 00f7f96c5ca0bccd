//! Commands carried out: things opened, changed and closed, with all that hangs on them.

pub mod consumers;
pub mod dispatch;
pub mod line_sockets;
pub mod lines;
pub mod peers;
pub mod producers;
pub mod transports;
