//! The ICE-lite agent of one transport. The folder is not named `path`, because `crate::path::Path` has this name.

mod account;
pub mod agent;
mod checked_paths;
pub mod limits;
pub mod path_credit;
pub mod questions;
mod replays;
mod search;
pub mod transactions;
