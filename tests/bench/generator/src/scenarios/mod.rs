//! The measurements. Each reads the options and returns one JSON object.

pub mod again;
pub mod load;
pub mod scenario;
pub mod siege;
