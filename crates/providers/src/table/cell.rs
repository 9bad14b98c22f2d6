use std::sync::Arc;

use arc_swap::ArcSwap;

use super::CapabilityTable;

/// The capability table in force. Another one counts for what is read after it.
#[derive(Debug)]
pub struct CapabilityCell(ArcSwap<CapabilityTable>);

impl CapabilityCell {
    /// A cell that holds `table`.
    pub fn new(table: CapabilityTable) -> Self {
        Self(ArcSwap::from_pointee(table))
    }

    /// The table.
    pub fn load(&self) -> Arc<CapabilityTable> {
        self.0.load_full()
    }

    /// Puts another table in force.
    pub fn store(&self, table: CapabilityTable) {
        self.0.store(Arc::new(table));
    }
}
