//! Paths that peers of this shard held and have left. The other shards are told, and told again in case that was lost on its
//! way: till they know, nobody else's check is taken there (`handover`).

use crate::path::Path;
use crate::shard::turn::parcel::Slip;
use crate::shard::turn::parcels::Parcels;

/// A release is said again so long after it was said last.
const AGAIN_US: [u64; 3] = [100_000, 500_000, 2_000_000];
/// Those of more peers at once are said once.
const RELEASES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Release {
    path: Path,
    due_us: u64,
    /// How often it was said again.
    repeats: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Releases(Vec<Release>);

impl Releases {
    /// When the next one is to be said again; `u64::MAX`: there is none.
    pub fn deadline(&self) -> u64 {
        self.0.iter().map(|release| release.due_us).min().unwrap_or(u64::MAX)
    }

    /// A peer of ours holds the path no longer. Which shard gets what comes by it is known to that one alone.
    pub fn release(&mut self, path: Option<Path>, parcels: &mut Parcels, now_us: u64) {
        let Some(path) = path.filter(|path| matches!(path, Path::Udp { .. })) else { return };
        if parcels.has_others() {
            say(path, parcels);
            self.note(path, now_us);
        }
    }

    fn note(&mut self, path: Path, now_us: u64) {
        self.0.retain(|known| known.path != path);
        if self.0.len() < RELEASES_MAX {
            self.0.push(Release { path, due_us: now_us + AGAIN_US[0], repeats: 0 });
        }
    }

    /// Says again what is due. `is_ours`: whether a peer of this shard came back to a path, which ends its release.
    pub fn repeat(&mut self, is_ours: impl Fn(Path) -> bool, parcels: &mut Parcels, now_us: u64) {
        self.0.retain_mut(|release| {
            if now_us < release.due_us {
                return true;
            }
            if is_ours(release.path) {
                return false;
            }
            say(release.path, parcels);
            release.repeats += 1;
            let pause_us = AGAIN_US.get(release.repeats);
            release.due_us = now_us + pause_us.unwrap_or(&0);
            pause_us.is_some()
        });
    }
}

fn say(path: Path, parcels: &mut Parcels) {
    for to in parcels.others() {
        parcels.put(to, Slip::Release { path });
    }
}
