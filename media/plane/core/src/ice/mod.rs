//! The ICE-lite agent of one transport. The folder is not called `path`: that is the name of the ground type `crate::path::Path`.

mod account;
pub mod agent;
mod checked_paths;
pub mod limits;
pub mod path_credit;
pub mod questions;
mod replays;
mod search;
pub mod transactions;
