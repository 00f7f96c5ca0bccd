//! RFC 4571 framing of datagrams on a TCP stream: a 16-bit length before each datagram. This module keeps the unfinished frame
//! and has no socket.

/// The error for a frame that is longer than `FRAME_MAX`. The caller ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong;

/// Bytes of one datagram over ICE-TCP. Chosen: an Ethernet frame carries no more (RFC 894). Larger: each connection can make
/// the server keep more bytes. Smaller: the connection of a peer with a long packet ends.
pub const FRAME_MAX: usize = 1500;
/// Bytes of the length before each datagram over ICE-TCP (RFC 4571 §2). Another number does not compile (`prefix`).
const PREFIX: usize = 2;

/// Return the two bytes that go before a datagram of this length.
pub fn prefix(len: usize) -> [u8; PREFIX] {
    debug_assert!(len <= usize::from(u16::MAX));
    (len as u16).to_be_bytes()
}

/// Append the framed datagram.
pub fn write_frame(out: &mut Vec<u8>, datagram: &[u8]) {
    out.extend_from_slice(&prefix(datagram.len()));
    out.extend_from_slice(datagram);
}

/// A cutter of stream bytes into frames. It keeps at most one unfinished frame.
#[derive(Debug, Default)]
pub struct Deframer {
    partial: Vec<u8>,
}

impl Deframer {
    /// Call `take` with each frame that `bytes` completes. Frames that lie whole in `bytes` are not copied. Empty frames are
    /// skipped. After an error the stream has lost its frame borders, so every later call returns an error too.
    pub fn feed(&mut self, mut bytes: &mut [u8], mut take: impl FnMut(&mut [u8])) -> Result<(), FrameTooLong> {
        while !self.partial.is_empty() && !bytes.is_empty() {
            let wanted = wanted(&self.partial)?.min(bytes.len());
            let (now, later) = bytes.split_at_mut(wanted);
            self.partial.extend_from_slice(now);
            bytes = later;
            if wanted_more(&self.partial)? == 0 {
                if self.partial.len() > PREFIX {
                    take(&mut self.partial[PREFIX..]);
                }
                self.partial.clear();
            }
        }
        self.whole(bytes, take)
    }

    /// Return the bytes of the unfinished frame.
    pub fn into_rest(self) -> Vec<u8> {
        self.partial
    }

    fn whole(&mut self, mut bytes: &mut [u8], mut take: impl FnMut(&mut [u8])) -> Result<(), FrameTooLong> {
        while bytes.len() >= PREFIX {
            match wanted_more(bytes) {
                Ok(0) => {}
                Ok(_) => break,
                Err(error) => {
                    self.partial.extend_from_slice(&bytes[..PREFIX]);
                    return Err(error);
                }
            }
            let (frame, later) = bytes.split_at_mut(PREFIX + length(bytes));
            bytes = later;
            if frame.len() > PREFIX {
                take(&mut frame[PREFIX..]);
            }
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

fn length(frame: &[u8]) -> usize {
    usize::from(crate::wire::rtp::u16_at(frame, 0))
}

/// Return the number of bytes missing until the next step. The first step is the prefix, the second step is the body.
fn wanted(partial: &[u8]) -> Result<usize, FrameTooLong> {
    if partial.len() < PREFIX { Ok(PREFIX - partial.len()) } else { wanted_more(partial) }
}

/// Return the number of bytes missing until the end of the frame. With an incomplete prefix, return 1.
fn wanted_more(partial: &[u8]) -> Result<usize, FrameTooLong> {
    if partial.len() < PREFIX {
        return Ok(1);
    }
    match length(partial) {
        len if len > FRAME_MAX => Err(FrameTooLong),
        len => Ok((PREFIX + len).saturating_sub(partial.len())),
    }
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
