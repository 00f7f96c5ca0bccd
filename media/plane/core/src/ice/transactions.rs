//! Transactions of our questions, which nobody can guess (RFC 8489 §5): who knew that of a question at the address of somebody
//! else could answer in that one's name. So they do not come of `Shard::random`, whose numbers peers see and could reckon on from.

use hmac::{Hmac, Mac};
use sha1::Sha1;

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
        let mut hmac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        hmac.update(&self.count.to_be_bytes());
        *hmac.finalize().into_bytes().first_chunk().expect("it has 20 bytes")
    }

    /// A beginning for other numbers, from which the secret cannot be told.
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
}
