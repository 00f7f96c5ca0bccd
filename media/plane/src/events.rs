//! Conversion of events into the tuples that `_plane.pyi` describes.

use plane_core::path::Path;
use plane_core::seam::event::{Event, IceState, LineState};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

pub fn to_python<'py>(py: Python<'py>, event: Event) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::Dtls { transport, datagram } => ("dtls", transport, PyBytes::new(py, &datagram)).into_pyobject(py),
        Event::Ice { transport, state, path } => {
            ("ice", transport, state_name(state), path_name(&path)).into_pyobject(py)
        }
        Event::Layer { producer, layer } => ("layer", producer, layer).into_pyobject(py),
        Event::Switched { consumer, layer } => ("switched", consumer, layer.map_or(-1, i16::from)).into_pyobject(py),
        Event::Speakers { router, speakers } => ("speakers", router, speakers).into_pyobject(py),
        Event::Bye { producer } => ("bye", producer).into_pyobject(py),
        Event::Line { transport, state } => ("line", transport, line_state_name(state)).into_pyobject(py),
        Event::Dtmf { transport, digit, duration_ms } => ("dtmf", transport, digit, duration_ms).into_pyobject(py),
        Event::Message { transport, message } => ("message", transport, PyBytes::new(py, &message)).into_pyobject(py),
        Event::Keyframe { transport } => ("keyframe", transport).into_pyobject(py),
        Event::Limit { consumer, bitrate_bps } => ("limit", consumer, bitrate_bps).into_pyobject(py),
        Event::Starved { consumer, starved } => ("starved", consumer, starved).into_pyobject(py),
        Event::Unfit { consumer } => ("unfit", consumer).into_pyobject(py),
    }
}

fn state_name(state: IceState) -> &'static str {
    match state {
        IceState::Connected => "connected",
        IceState::Moved => "moved",
        IceState::Disconnected => "disconnected",
        IceState::Failed => "failed",
    }
}

fn line_state_name(state: LineState) -> &'static str {
    match state {
        LineState::First => "first",
        LineState::Silent => "silent",
        LineState::Alive => "alive",
    }
}

fn path_name(path: &Path) -> String {
    match path {
        Path::Udp { remote, .. } => format!("udp {remote}"),
        Path::Tcp { remote, .. } => format!("tcp {remote}"),
    }
}
