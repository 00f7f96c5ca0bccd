//! The paths that one peer has checked, with the state of each. At most `PATHS_MAX`.

use crate::ice::account::Account;
use crate::ice::limits::PATHS_MAX;
use crate::path::Path;

#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub path: Path,
    /// The time of the last check or answer.
    pub at_us: u64,
    pub account: Account,
    /// A number that no other path of this agent ever had.
    pub serial: u32,
    /// The time of the peer's last answer to a question here. A check proves less, since its source address may be forged.
    pub proved_us: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct CheckedPaths {
    list: Vec<Checked>,
    serial: u32,
}

impl CheckedPaths {
    pub fn iter(&self) -> impl Iterator<Item = &Checked> {
        self.list.iter()
    }

    pub fn get(&self, path: Path) -> Option<&Checked> {
        self.list.iter().find(|checked| checked.path == path)
    }

    pub fn get_mut(&mut self, path: Path) -> Option<&mut Checked> {
        self.list.iter_mut().find(|checked| checked.path == path)
    }

    /// Return the path that was checked last.
    pub fn latest(&self) -> Option<Path> {
        self.list.iter().max_by_key(|checked| checked.at_us).map(|checked| checked.path)
    }

    /// Report whether the peer has answered at the path. A TCP connection needs no answer: it exists only if the peer gets what
    /// is sent there.
    pub fn has_answered(&self, path: Path) -> bool {
        self.answered_within(path, u64::MAX, 0)
    }

    /// Report whether the peer has answered there in the last `within_us` before `now_us`.
    pub fn answered_within(&self, path: Path, within_us: u64, now_us: u64) -> bool {
        let answered_us = self.get(path).and_then(|checked| checked.proved_us);
        matches!(path, Path::Tcp { .. }) || answered_us.is_some_and(|at_us| now_us.saturating_sub(at_us) < within_us)
    }

    /// Note a check or an answer that brought `paid` bytes for questions. If the list is full, a new path replaces the path
    /// that was checked longest ago, but not the selected path. Return the serial.
    pub fn note(&mut self, path: Path, paid: usize, selected: Option<Path>, now_us: u64) -> u32 {
        if self.get(path).is_none() {
            if self.list.len() == PATHS_MAX {
                let others = self.list.iter().enumerate().filter(|(_, checked)| Some(checked.path) != selected);
                let oldest = others.min_by_key(|(_, checked)| checked.at_us).map(|(place, _)| place);
                oldest.map(|place| self.list.swap_remove(place));
            }
            self.serial = self.serial.wrapping_add(1);
            let (account, serial) = (Account::default(), self.serial);
            self.list.push(Checked { path, at_us: now_us, account, serial, proved_us: None });
        }
        let Some(checked) = self.get_mut(path) else { return 0 };
        checked.account.earn(paid);
        // The local address is that of the newest datagram, because the comparison of paths ignores it.
        (checked.path, checked.at_us) = (path, now_us);
        checked.serial
    }

    pub fn forget(&mut self, path: Path) {
        self.list.retain(|checked| checked.path != path);
    }

    pub fn clear(&mut self) {
        self.list.clear();
    }
}
