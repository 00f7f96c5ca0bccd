//! All system calls: TUN devices inside network namespaces, waiting for the devices, and quick wake-ups.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Bytes. No packet of a device here is longer. Smaller: long packets are cut off. Larger: only more memory.
pub const PACKET_MAX: usize = 65_536;

pub struct Tun(OwnedFd);

impl Tun {
    /// Move this thread into the namespace and create a device there. The device ends with this program.
    pub fn open(namespace: &Path, name: &str) -> io::Result<Tun> {
        let place = File::open(namespace)?;
        // SAFETY: this is a plain system call with an open descriptor.
        succeeded(unsafe { libc::setns(place.as_raw_fd(), libc::CLONE_NEWNET) })?;
        let path = CString::new("/dev/net/tun")?;
        let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
        // SAFETY: `path` ends with a zero. No other code owns the descriptor.
        let device = unsafe { OwnedFd::from_raw_fd(succeeded(libc::open(path.as_ptr(), flags))?) };
        // SAFETY: zeros are a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a long name"));
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: TUNSETIFF takes an `ifreq`, which lives during the call.
        succeeded(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
        Ok(Tun(device))
    }

    /// Return the length of the next packet. None: there is no packet now.
    pub fn read(&self, packet: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: the kernel writes at most `packet.len()` bytes.
        let read = unsafe { libc::read(self.0.as_raw_fd(), packet.as_mut_ptr().cast(), packet.len()) };
        match usize::try_from(read) {
            Ok(length) => Ok(Some(length)),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Report whether the other side accepted the packet. It does not accept packets while its device is down.
    pub fn write(&self, packet: &[u8]) -> bool {
        // SAFETY: the kernel reads `packet.len()` bytes.
        unsafe { libc::write(self.0.as_raw_fd(), packet.as_ptr().cast(), packet.len()) >= 0 }
    }
}

/// Wait until a device or the standard input is readable, at most for `at_most`. Report whether it is the standard input.
pub fn wait(devices: [&Tun; 2], at_most: Option<Duration>) -> io::Result<bool> {
    let [one, other] = devices.map(|device| device.0.as_raw_fd());
    let mut all = [one, other, libc::STDIN_FILENO].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let limit = at_most.map(|limit| libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(limit.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), |limit| &raw const *limit);
    // SAFETY: the call gets three structures and their number. `limit` is null or lives during the call.
    match succeeded(unsafe { libc::ppoll(all.as_mut_ptr(), 3, limit, std::ptr::null()) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        result => result.map(|_| all[2].revents != 0),
    }
}

/// Ask the kernel for a high priority and quick wake-ups. If the rights are missing, the function does nothing.
pub fn hurry() {
    let parameter = libc::sched_param { sched_priority: 1 };
    // SAFETY: these are plain system calls, and the parameter lives during the calls.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
        if libc::sched_setscheduler(0, libc::SCHED_RR, &raw const parameter) != 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, -20);
        }
    }
}

fn succeeded(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
