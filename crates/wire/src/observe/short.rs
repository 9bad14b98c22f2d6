//! Short texts of which only a few are of interest.

/// The first few bytes of something, and whether there were more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Short<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    pub(crate) const fn clear(&mut self) {
        self.length = 0;
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        if let Some(free) = self.bytes.get_mut(self.length..) {
            let fitting = piece.len().min(free.len());
            free[..fitting].copy_from_slice(&piece[..fitting]);
        }
        self.length = self.length.saturating_add(piece.len());
    }

    /// All of it; nothing when it did not fit.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
