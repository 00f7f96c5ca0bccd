//! The Python module `media._plane`. Owns the binding, the queues and the shard threads; what a packet means is decided
//! in `plane-core`, sockets are in `plane-udp`. The seam is written down in `media/_plane.pyi`.

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

    /// See `build.rs` for what it is made of.
    #[pymodule_export]
    const SOURCES_DIGEST: &str = env!("SOURCES_DIGEST");
}
