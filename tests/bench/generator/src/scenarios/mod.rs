//! The measurements. Each reads the options and gives one JSON object.

pub mod again;
pub mod load;
pub mod scenario;
pub mod siege;
