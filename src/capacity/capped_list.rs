//! `Named`: how many there are, and the first ten by name.

/// How many are kept by name.
const KEPT: usize = 10;

/// How many, and the first ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CappedList<T> {
    /// How many.
    pub count: u128,
    /// The first ten.
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
            if self.first.len() < KEPT {
                self.first.push(item);
            }
        }
    }
}
