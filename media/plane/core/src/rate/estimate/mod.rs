//! The parts of the estimate of one path's bitrate.

pub mod drain;
pub mod estimator;
pub mod history;
pub mod loss;
pub mod probe;
pub mod rate;
pub mod reports;
pub mod throughput;
pub mod trend;
