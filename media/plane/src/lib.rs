//! The Python module `media._plane`. This crate holds the binding, the queues and the shard threads. `plane-core` decides the
//! meaning of packets, and `plane-udp` has the sockets. `media/_plane.pyi` describes the interface.

mod arguments;
mod directory;
mod events;
mod frame_port;
mod plane;
mod queues;
mod shards;
mod snapshot;
mod spanning;
mod thread;

use pyo3::prelude::*;

#[pymodule]
mod _plane {
    #[pymodule_export]
    use crate::frame_port::FramePort;
    #[pymodule_export]
    use crate::plane::Plane;
    #[pymodule_export]
    use crate::snapshot::Snapshot;

    /// `build.rs` describes the input of this digest.
    #[pymodule_export]
    const SOURCES_DIGEST: &str = env!("SOURCES_DIGEST");
}
