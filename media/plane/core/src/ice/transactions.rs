//! The transaction ids of our questions, which cannot be guessed (RFC 8489 §5). A question may be sent to a forged address. A
//! peer that knew its transaction could answer in the name of the address's owner. So `Shard::random` is not used: peers see
//! its numbers and could compute the next.

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::keys::{Key, TransportKey};

pub(crate) struct Transactions {
    secret: [u8; 8],
    count: u64,
}

impl Transactions {
    pub fn new(secret: u64) -> Self {
        Transactions { secret: secret.to_be_bytes(), count: 0 }
    }

    pub fn draw(&mut self) -> [u8; 12] {
        self.count += 1;
        self.hash(&self.count.to_be_bytes())
    }

    /// Return a transaction for a question to this peer. `asked` reads the peer from the answer. The first eight bytes are
    /// secret and differ for each question.
    pub fn draw_for(&mut self, peer: TransportKey) -> [u8; 12] {
        let mut transaction = self.draw();
        let masked = peer.place() as u32 ^ self.mask(&transaction);
        transaction[8..].copy_from_slice(&masked.to_be_bytes());
        transaction
    }

    /// Return the peer that was asked with this transaction of `draw_for`. For any other transaction the result has no meaning.
    pub fn asked(&self, transaction: [u8; 12]) -> TransportKey {
        let [.., a, b, c, d] = transaction;
        TransportKey::new((u32::from_be_bytes([a, b, c, d]) ^ self.mask(&transaction)) as usize)
    }

    fn mask(&self, transaction: &[u8; 12]) -> u32 {
        let mut peer = *b"12345678 peer";
        peer[..8].copy_from_slice(&transaction[..8]);
        let [a, b, c, d, ..] = self.hash(&peer);
        u32::from_be_bytes([a, b, c, d])
    }

    fn hash(&self, bytes: &[u8]) -> [u8; 12] {
        let mut hmac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        hmac.update(bytes);
        *hmac.finalize().into_bytes().first_chunk().expect("it has 20 bytes")
    }

    /// Return a seed for other random numbers. The secret cannot be computed from it.
    pub fn draw_seed(&mut self) -> u64 {
        let [high @ .., _, _, _, _] = self.draw();
        u64::from_be_bytes(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_differ_and_hang_on_the_secret() {
        let (mut ours, mut again, mut theirs) = (Transactions::new(7), Transactions::new(7), Transactions::new(8));
        let drawn: Vec<_> = (0..100).map(|_| ours.draw()).collect();
        assert_eq!(drawn, (0..100).map(|_| again.draw()).collect::<Vec<_>>());
        let all: std::collections::HashSet<_> = drawn.into_iter().chain((0..100).map(|_| theirs.draw())).collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn a_transaction_says_who_was_asked() {
        let (mut ours, mut theirs) = (Transactions::new(7), Transactions::new(8));
        for place in [0, 1, 77, 65_536] {
            let (peer, drawn) = (TransportKey::new(place), ours.draw_for(TransportKey::new(place)));
            assert_eq!(ours.asked(drawn), peer);
            assert_ne!(theirs.asked(drawn), peer);
            let again = ours.draw_for(peer);
            assert!(again[..8] != drawn[..8] && again[8..] != drawn[8..], "the peer is masked");
            assert_ne!(theirs.draw_for(peer), drawn);
        }
    }
}
