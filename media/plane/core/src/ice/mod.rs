//! The ICE-lite agent of one transport. The folder is not called `path`: that is the name of the ground type `crate::path::Path`.

pub mod agent;
pub mod limits;
pub mod path_credit;
pub mod questions;
pub mod transactions;
