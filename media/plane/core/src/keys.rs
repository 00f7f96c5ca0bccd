//! Keys: the places of routers, transports, producers and consumers in their tables. After a close, a new row may get the same
//! place.

/// A place in the table of one kind of row.
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
