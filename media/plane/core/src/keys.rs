//! Keys: where a router, transport, producer or consumer stands in its table. The place of what has closed is used again.

/// A place in the table of one kind of thing.
pub trait Key: Copy {
    fn new(place: usize) -> Self;
    fn place(self) -> usize;
}

macro_rules! key {
    ($name:ident) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl Key for $name {
            #[inline]
            fn new(place: usize) -> Self {
                $name(place as u32)
            }

            #[inline]
            fn place(self) -> usize {
                self.0 as usize
            }
        }
    };
}

key!(RouterKey);
key!(TransportKey);
key!(ProducerKey);
key!(ConsumerKey);
