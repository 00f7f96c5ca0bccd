//! A way that carried nothing for a while and does again: the peer is on another network, or a hole is behind it. All that
//! was sent meanwhile is lost, and receivers ask for it packet by packet, or wait for pictures that can't come (libwebrtc: three
//! seconds). So pictures begin anew with a key frame, and what would come too late is not sent again.

use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;

impl Shard {
    /// The peer is found elsewhere, or its word comes again. Does nothing where the way was not cut off.
    pub(crate) fn begin_again<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let transport = &self.transports[key];
        let Some(since_us) = transport.estimator.cut_off_since_us(transport.rtt_or_guess_us(), now_us) else { return };
        self.begin_after(key, since_us, now_us, out);
    }

    /// What was sent since then is lost.
    pub(crate) fn begin_after<S: Sink>(&mut self, key: usize, since_us: u64, now_us: u64, out: &mut Outbox<S>) {
        if !self.transports[key].is_reached() {
            return;
        }
        for at in 0..self.transports[key].consumers.len() {
            let consumer = &mut self.consumers[self.transports[key].consumers[at]];
            let lost = consumer.video && !consumer.is_off() && consumer.last_sent_us >= since_us;
            let Some(layer) = consumer.current.filter(|_| lost && consumer.may_ask_keyframe(now_us)) else { continue };
            consumer.forget_sent();
            let producer = consumer.producer;
            self.ask_keyframe(producer, layer, now_us, out);
        }
    }
}
