//! Pages of a longer list.

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortDirection {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// Which page of a list is wanted, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRequest {
    page: u32,
    size: u32,
}

impl PageRequest {
    /// The largest page that is served.
    pub const MAX_SIZE: u32 = 100;
    /// The size of a page when none was asked for.
    pub const DEFAULT_SIZE: u32 = 10;

    /// The nearest page that is served: a page of 0 means the first, a size of 0 the default, a
    /// larger size than [`Self::MAX_SIZE`] that size.
    pub fn clamped(page: u32, size: u32) -> Self {
        let size = if size == 0 { Self::DEFAULT_SIZE } else { size.min(Self::MAX_SIZE) };
        Self { page: page.max(1), size }
    }

    /// The page's number, from 1.
    pub const fn page(self) -> u32 {
        self.page
    }

    /// How many items a full page has.
    pub const fn size(self) -> u32 {
        self.size
    }

    /// How many items come before this page.
    pub fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.size)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, size: Self::DEFAULT_SIZE }
    }
}

/// One page of a list, and how long the whole list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page, in order.
    pub items: Vec<T>,
    /// Which page this is.
    pub request: PageRequest,
    /// How many items all pages have together.
    pub total: u64,
}

impl<T> Page<T> {
    /// The same page with every item turned into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), request: self.request, total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_numbers_become_the_nearest_page() {
        assert_eq!(PageRequest::clamped(0, 0), PageRequest::default());
        assert_eq!(PageRequest::clamped(2, 1_000).size(), 100);
        assert_eq!(PageRequest::clamped(u32::MAX, 100).offset(), u64::from(u32::MAX - 1) * 100);
    }
}
