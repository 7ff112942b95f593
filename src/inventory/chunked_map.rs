//! `ChunkedMap`: a sorted map in chunks, which counts the keys of a range in two binary searches.
//!
//! A chunk has at most 512 keys in one vector and their values in another, so that a key costs little more than its
//! own size. The number of keys before each chunk is stored, so that a count takes two binary searches and a change
//! moves a few kilobytes.

use std::ops::RangeInclusive;

/// The largest number of keys in a chunk.
const MAX_CHUNK_LEN: usize = 512;
/// The number of keys by which a chunk grows.
const CHUNK_GROWTH: usize = 32;

/// A map from keys to values, ordered by key.
#[derive(Clone, Debug)]
pub(super) struct ChunkedMap<K, V> {
    chunks: Vec<Chunk<K, V>>,
    /// The first key of each chunk.
    firsts: Vec<K>,
    /// The number of keys before each chunk.
    before: Vec<usize>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Chunk<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
}

impl<K, V> Default for ChunkedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), firsts: Vec::new(), before: Vec::new(), len: 0 }
    }
}

impl<K, V> Default for Chunk<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

impl<K: Copy + Ord, V> ChunkedMap<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, key: K) -> Option<&V> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let place = chunk.keys.binary_search(&key).ok()?;
        chunk.values.get(place)
    }

    fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let place = chunk.keys.binary_search(&key).ok()?;
        chunk.values.get_mut(place)
    }

    /// Inserts a value. Returns the previous one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(there) = self.get_mut(key) {
            return Some(std::mem::replace(there, value));
        }
        let mut at = self.chunk_of(key);
        match self.chunks.get_mut(at) {
            None => self.put_chunk(0, Chunk::default(), key),
            // Ascending keys fill chunk after chunk, so that none stays half empty.
            Some(chunk) if chunk.is_full() && at + 1 == self.firsts.len() && chunk.ends_before(key) => {
                at += 1;
                self.put_chunk(at, Chunk::default(), key);
            }
            Some(chunk) if chunk.is_full() => {
                let upper = chunk.split();
                let first = upper.keys.first().copied()?;
                self.put_chunk(at + 1, upper, first);
                at += usize::from(key >= first);
            }
            Some(_) => {}
        }
        let chunk = self.chunks.get_mut(at)?;
        chunk.insert(key, value);
        self.len += 1;
        self.set_first(at);
        self.after(at).for_each(|before| *before += 1);
        None
    }

    /// Removes a value and returns it.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let place = chunk.keys.binary_search(&key).ok()?;
        chunk.keys.remove(place);
        let value = chunk.values.remove(place);
        self.removed(at, 1);
        Some(value)
    }

    /// Removes the entries of one chunk, that of `from`, for which `is_kept` is false, and passes their keys on.
    /// Returns the first key of the next chunk, if there is one.
    pub fn sweep_chunk(&mut self, from: K, is_kept: impl Fn(&V) -> bool, gone: impl FnMut(K)) -> Option<K> {
        let at = self.chunk_of(from);
        let next = self.firsts.get(at + 1).copied();
        let removed = self.chunks.get_mut(at)?.retain(is_kept, gone);
        self.removed(at, removed);
        next
    }

    /// The values, ascending by key.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks.iter_mut().flat_map(|chunk| &mut chunk.values)
    }

    /// The number of keys in a range.
    pub fn count(&self, range: RangeInclusive<K>) -> usize {
        let below = |is_below: &dyn Fn(&K) -> bool| {
            let at = self.firsts.partition_point(is_below).saturating_sub(1);
            match (self.before.get(at), self.chunks.get(at)) {
                (Some(before), Some(chunk)) => before + chunk.keys.partition_point(is_below),
                _ => 0,
            }
        };
        below(&|key| key <= range.end()).saturating_sub(below(&|key| key < range.start()))
    }

    /// The keys of a range with their values, ascending.
    pub fn range(&self, range: RangeInclusive<K>) -> impl Iterator<Item = (K, &V)> {
        let (start, end) = range.into_inner();
        let at = self.chunk_of(start);
        let chunks = self.chunks.iter().skip(at);
        chunks
            .flat_map(move |chunk| {
                let skip = chunk.keys.partition_point(|key| *key < start);
                chunk.keys.iter().copied().zip(&chunk.values).skip(skip)
            })
            .take_while(move |(key, _)| *key <= end)
    }

    /// The chunk that has a key, or that would have it.
    fn chunk_of(&self, key: K) -> usize {
        self.firsts.partition_point(|first| *first <= key).saturating_sub(1)
    }

    /// Inserts a chunk. Its keys are counted already: the chunk before it had them, or there are none.
    fn put_chunk(&mut self, at: usize, chunk: Chunk<K, V>, first: K) {
        let previous = at.checked_sub(1);
        let before = previous.and_then(|previous| self.before.get(previous)).copied().unwrap_or(0);
        let length = previous.and_then(|previous| self.chunks.get(previous)).map_or(0, |chunk| chunk.keys.len());
        self.chunks.insert(at, chunk);
        self.firsts.insert(at, first);
        self.before.insert(at, before + length);
    }

    /// Updates the counts and the first key of a chunk that lost keys.
    fn removed(&mut self, at: usize, count: usize) {
        if count == 0 {
            return;
        }
        self.len -= count;
        self.after(at).for_each(|before| *before -= count);
        self.set_first(at);
        if self.chunks.get(at).is_some_and(|chunk| chunk.keys.is_empty()) {
            self.chunks.remove(at);
            self.firsts.remove(at);
            self.before.remove(at);
        }
    }

    /// Updates the counts of the chunks after one.
    fn after(&mut self, at: usize) -> impl Iterator<Item = &mut usize> {
        self.before.iter_mut().skip(at + 1)
    }

    /// Updates the stored first key of a chunk.
    fn set_first(&mut self, at: usize) {
        let first = self.chunks.get(at).and_then(|chunk| chunk.keys.first()).copied();
        if let (Some(first), Some(kept)) = (first, self.firsts.get_mut(at)) {
            *kept = first;
        }
    }
}

impl<K: Copy + Ord, V> Chunk<K, V> {
    fn is_full(&self) -> bool {
        self.keys.len() >= MAX_CHUNK_LEN
    }

    fn ends_before(&self, key: K) -> bool {
        self.keys.last().is_some_and(|last| *last < key)
    }

    /// Inserts a key that is not in the chunk.
    fn insert(&mut self, key: K, value: V) {
        // Capacity is not doubled: unused capacity would count a million times.
        if self.keys.len() == self.keys.capacity() {
            self.keys.reserve_exact(CHUNK_GROWTH);
            self.values.reserve_exact(CHUNK_GROWTH);
        }
        let place = self.keys.partition_point(|there| *there < key);
        self.keys.insert(place, key);
        self.values.insert(place, value);
    }

    /// Removes the entries for which `is_kept` is false. Returns their number.
    fn retain(&mut self, is_kept: impl Fn(&V) -> bool, mut gone: impl FnMut(K)) -> usize {
        let before = self.keys.len();
        let mut values = self.values.iter();
        self.keys.retain(|key| {
            let stays = values.next().is_some_and(&is_kept);
            if !stays {
                gone(*key);
            }
            stays
        });
        self.values.retain(&is_kept);
        let after = self.keys.len();
        if after < before {
            self.keys.shrink_to(after + CHUNK_GROWTH);
            self.values.shrink_to(after + CHUNK_GROWTH);
        }
        before - after
    }

    /// Keeps the lower half and returns the upper half.
    fn split(&mut self) -> Self {
        let half = self.keys.len() / 2;
        let upper = Self { keys: self.keys.split_off(half), values: self.values.split_off(half) };
        self.keys.shrink_to(half);
        self.values.shrink_to(half);
        upper
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u32),
        InsertRun(u16, u16),
        Remove(u16),
        RemoveRun(u16, u16),
        /// Removes the values that are divisible by this.
        Sweep(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (any::<u16>(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            (any::<u16>(), 0_u16..2000).prop_map(|(key, count)| Step::InsertRun(key, count)),
            any::<u16>().prop_map(Step::Remove),
            (any::<u16>(), 0_u16..1500).prop_map(|(key, count)| Step::RemoveRun(key, count)),
            (1_u32..8).prop_map(Step::Sweep),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn matches_btree_map(
            steps in prop::collection::vec(step(), 0..24),
            queries in prop::collection::vec((any::<u16>(), any::<u16>()), 16),
        ) {
            let (mut index, mut expected_map) = (ChunkedMap::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(index.insert(key, value), expected_map.insert(key, value)),
                    Step::InsertRun(key, count) => {
                        for key in key..key.saturating_add(count) {
                            prop_assert_eq!(index.insert(key, 7), expected_map.insert(key, 7));
                        }
                    }
                    Step::Remove(key) => prop_assert_eq!(index.remove(key), expected_map.remove(&key)),
                    Step::RemoveRun(key, count) => {
                        for key in key..key.saturating_add(count) {
                            prop_assert_eq!(index.remove(key), expected_map.remove(&key));
                        }
                    }
                    Step::Sweep(divisor) => {
                        let (mut next, mut seen) = (Some(0), Vec::new());
                        while let Some(from) = next {
                            next = index.sweep_chunk(from, |value: &u32| !value.is_multiple_of(divisor), |key| seen.push(key));
                        }
                        let is_gone = |value: &u32| value.is_multiple_of(divisor);
                        let gone: Vec<u16> =
                            expected_map.iter().filter(|(_, value)| is_gone(value)).map(|(key, _)| *key).collect();
                        prop_assert_eq!(seen, gone);
                        expected_map.retain(|_, value| !is_gone(value));
                    }
                }
                prop_assert_eq!(index.len(), expected_map.len());
            }
            for (a, b) in queries {
                let range = a.min(b)..=a.max(b);
                prop_assert_eq!(index.count(range.clone()), expected_map.range(range.clone()).count());
                let seen: Vec<(u16, u32)> = index.range(range.clone()).map(|(key, value)| (key, *value)).collect();
                let expected: Vec<(u16, u32)> = expected_map.range(range).map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(seen, expected);
                prop_assert_eq!(index.get(a), expected_map.get(&a));
            }
        }
    }
}
