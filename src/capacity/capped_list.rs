//! `CappedList`: the first items of a list, and how many it has in all.

/// The largest number of items that are kept.
const MAX_ITEMS: usize = 10;

/// The first ten items of a list, and how many it has in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CappedList<T> {
    /// The number of items of the list.
    pub count: u128,
    /// The first ten items.
    pub first: Vec<T>,
}

impl<T> Default for CappedList<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Extend<T> for CappedList<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.count += 1;
            if self.first.len() < MAX_ITEMS {
                self.first.push(item);
            }
        }
    }
}
