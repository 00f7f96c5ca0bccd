//! A table whose rows are found by keys of one type only.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use slab::Slab;

use crate::keys::Key;

pub struct Table<K, T> {
    rows: Slab<T>,
    key: PhantomData<K>,
}

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Table { rows: Slab::new(), key: PhantomData }
    }
}

impl<K: Key, T> Table<K, T> {
    pub fn insert(&mut self, row: T) -> K {
        K::new(self.rows.insert(row))
    }

    pub fn remove(&mut self, key: K) -> T {
        self.rows.remove(key.place())
    }

    #[inline]
    pub fn get(&self, key: K) -> Option<&T> {
        self.rows.get(key.place())
    }

    #[inline]
    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.rows.get_mut(key.place())
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Return every place that may hold a row. Rows may be added and removed during the iteration.
    pub fn places(&self) -> impl Iterator<Item = K> + use<K, T> {
        (0..self.rows.capacity()).map(K::new)
    }

    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.rows.iter().map(|(place, row)| (K::new(place), row))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.rows.iter_mut().map(|(place, row)| (K::new(place), row))
    }
}

impl<K: Key, T> Index<K> for Table<K, T> {
    type Output = T;

    #[inline]
    fn index(&self, key: K) -> &T {
        &self.rows[key.place()]
    }
}

impl<K: Key, T> IndexMut<K> for Table<K, T> {
    #[inline]
    fn index_mut(&mut self, key: K) -> &mut T {
        &mut self.rows[key.place()]
    }
}
