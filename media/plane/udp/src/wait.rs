//! Waiting: epoll, a bell that other threads ring (eventfd), and the monotonic clock.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Return the microseconds of CLOCK_MONOTONIC.
pub fn now_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Return the microseconds of CPU time that this thread has used.
pub fn thread_cpu_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

pub fn sleep_us(duration_us: u64) {
    std::thread::sleep(Duration::from_micros(duration_us));
}

/// The kind of a descriptor in a [`Poller`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Bell,
    Udp(u16),
    Listener(u8),
    Connection(u32),
}

impl Source {
    fn token(self) -> u64 {
        match self {
            Source::Bell => 0,
            Source::Udp(index) => 1 << 32 | u64::from(index),
            Source::Listener(index) => 2 << 32 | u64::from(index),
            Source::Connection(connection) => 3 << 32 | u64::from(connection),
        }
    }

    fn of(token: u64) -> Self {
        match token >> 32 {
            0 => Source::Bell,
            1 => Source::Udp(token as u16),
            2 => Source::Listener(token as u8),
            _ => Source::Connection(token as u32),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub source: Source,
    /// True if there are bytes to read, or an end or error that a read will return.
    pub readable: bool,
    pub writable: bool,
}

const EVENTS_MAX: usize = 64;

pub struct Poller {
    epoll: OwnedFd,
}

/// The result of one wait.
pub struct Found {
    events: [libc::epoll_event; EVENTS_MAX],
    count: usize,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        // SAFETY: there are no pointers, and only this code has the descriptor.
        let epoll = unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))? };
        Ok(Poller { epoll })
    }

    /// Add a descriptor, level-triggered. A closed descriptor leaves the poller by itself.
    pub fn add(&self, fd: RawFd, source: Source) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, source, libc::EPOLLIN)
    }

    /// Set the events to wait for from now on. Errors and hang-ups are always reported.
    pub fn change(&self, fd: RawFd, source: Source, readable: bool, writable: bool) -> io::Result<()> {
        let read = if readable { libc::EPOLLIN } else { 0 };
        let write = if writable { libc::EPOLLOUT } else { 0 };
        self.control(libc::EPOLL_CTL_MOD, fd, source, read | write)
    }

    /// Remove a descriptor that another thread will use.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, Source::Bell, 0)
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, source: Source, events: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: source.token() };
        // SAFETY: the kernel reads one `epoll_event`.
        match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Wait up to `timeout_us` (rounded up to milliseconds). `None` means no timeout.
    pub fn wait(&self, timeout_us: Option<u64>, found: &mut Found) -> io::Result<()> {
        let timeout_ms = match timeout_us {
            None => -1,
            Some(us) => us.div_ceil(1000).min(3_600_000) as libc::c_int,
        };
        let events = found.events.as_mut_ptr();
        // SAFETY: the kernel writes at most EVENTS_MAX events into the array.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events, EVENTS_MAX as libc::c_int, timeout_ms) };
        found.count = count.max(0) as usize;
        match count {
            -1 => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                error => Err(error),
            },
            _ => Ok(()),
        }
    }
}

impl Found {
    pub fn nothing() -> Self {
        Found { events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX], count: 0 }
    }

    pub fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        self.events[..self.count].iter().map(|event| {
            let flags = event.events as libc::c_int;
            let ended = flags & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
            Ready {
                source: Source::of(event.u64),
                readable: ended || flags & libc::EPOLLIN != 0,
                writable: flags & libc::EPOLLOUT != 0,
            }
        })
    }
}

/// A bell between threads. Its descriptor is readable from the first ring until it is silenced, even after several rings.
pub struct Bell {
    eventfd: OwnedFd,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: there are no pointers, and only this code has the descriptor.
        let eventfd = unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))? };
        Ok(Bell { eventfd })
    }

    pub fn fd(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }

    pub fn ring(&self) {
        let one = 1u64;
        // SAFETY: these eight bytes outlive the call. The call fails only when the counter is full, and then the bell rings
        // already.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), 8) };
    }

    pub fn silence(&self) {
        let mut count = 0u64;
        // SAFETY: these eight bytes outlive the call. The call fails only when the bell did not ring.
        unsafe { libc::read(self.fd(), (&raw mut count).cast(), 8) };
    }
}

/// Take ownership of the descriptor `fd`.
///
/// # Safety
/// `fd` is -1 or a descriptor without another owner.
pub(crate) unsafe fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the contract of this function guarantees it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_survive_the_token() {
        for source in [Source::Bell, Source::Udp(65_535), Source::Listener(3), Source::Connection(u32::MAX)] {
            assert_eq!(Source::of(source.token()), source);
        }
    }

    #[test]
    fn a_bell_is_readable_until_silenced() {
        let (poller, bell, mut found) = (Poller::new().unwrap(), Bell::new().unwrap(), Found::nothing());
        poller.add(bell.fd(), Source::Bell).unwrap();
        poller.wait(Some(0), &mut found).unwrap();
        assert_eq!(found.iter().count(), 0);
        bell.ring();
        bell.ring();
        poller.wait(None, &mut found).unwrap();
        let rung = Ready { source: Source::Bell, readable: true, writable: false };
        assert_eq!(found.iter().collect::<Vec<_>>(), [rung]);
        bell.silence();
        poller.wait(Some(0), &mut found).unwrap();
        assert_eq!(found.iter().count(), 0);
        bell.silence();
    }
}
