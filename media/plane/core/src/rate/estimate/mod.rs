//! The estimate of what one path carries, part by part.

pub mod drain;
pub mod estimator;
pub mod history;
pub mod loss;
pub mod probe;
pub mod rate;
pub mod reports;
pub mod throughput;
pub mod trend;
