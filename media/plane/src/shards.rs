//! The shard threads as Python's side sees them: their queues of orders, and their last published figures.

use crate::arguments as check;
use crate::directory::Refused;
use crate::queues::{COMMANDS_MAX, Commands, Order};
use crate::thread::Published;
use plane_core::seam::command::Command;
use plane_core::shard::whereabouts::handover::shard_of;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
pub struct Shards {
    pub fronts: Vec<Front>,
    stale_commands: AtomicU64,
}

/// The data that Python's side has about a shard thread.
pub struct Front {
    pub commands: Arc<Commands>,
    pub latest: Arc<Mutex<Arc<Published>>>,
}

impl Shards {
    /// Return the shard that our user name names by its first character, or None if there is only one shard.
    pub fn named(&self, ufrag: &str) -> PyResult<Option<usize>> {
        let named = shard_of(ufrag.as_bytes()).map(usize::from).filter(|shard| *shard < self.fronts.len());
        match named {
            _ if self.fronts.len() == 1 => Ok(None),
            Some(shard) => Ok(Some(shard)),
            None => check::refuse("ufrag must begin with the character of a shard".into()),
        }
    }

    /// Send a command to a shard. Without a shard the thing no longer exists, so the command is only counted.
    pub fn send(&self, shard: Option<usize>, command: Command) -> PyResult<()> {
        self.order(shard, Order::Core(command))
    }

    fn order(&self, shard: Option<usize>, order: Order) -> PyResult<()> {
        let Some(shard) = shard else {
            self.stale_commands.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        if self.fronts[shard].commands.push(order) {
            return Ok(());
        }
        Err(PyOverflowError::new_err(format!("{COMMANDS_MAX} commands wait already")))
    }

    /// Send the command that opens a thing. Return true if the caller must record the thing in the directory.
    pub fn open_at(&self, place: Result<usize, Refused>, noun: &str, id: u32, command: Command) -> PyResult<bool> {
        self.order_at(place, noun, id, Order::Core(command))
    }

    pub fn order_at(&self, place: Result<usize, Refused>, noun: &str, id: u32, order: Order) -> PyResult<bool> {
        match place {
            Ok(shard) => self.order(Some(shard), order).map(|()| true),
            Err(Refused::Stale) => self.order(None, order).map(|()| false),
            Err(Refused::Open) => check::refuse(format!("{noun} {id} is open already")),
            Err(Refused::Apart) => check::refuse(format!("{noun} {id}: its producer is of another router")),
            Err(Refused::Full) => Err(PyOverflowError::new_err(format!("too many open: no {noun} {id}"))),
        }
    }

    pub fn stale_commands(&self) -> u64 {
        self.stale_commands.load(Ordering::Relaxed)
    }

    /// Return the last published figures of each thread.
    pub fn latest(&self) -> Vec<Arc<Published>> {
        let latest = |front: &Front| Arc::clone(&front.latest.lock().unwrap_or_else(PoisonError::into_inner));
        self.fronts.iter().map(latest).collect()
    }
}
