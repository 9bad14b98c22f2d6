//! Room for the bodies of all calls together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What bodies of requests, and answers that are read whole, may take of a process's memory together.
pub(crate) const ALL_BODIES: usize = 512 * 1024 * 1024;
/// What is counted. Most bodies are smaller, and cost nothing here.
const UNIT: usize = 64 * 1024;

/// There is no room for a body at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The room that a body has. It is free again when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

/// What the bodies of a process may take of its memory.
#[derive(Debug, Clone)]
pub(crate) struct BodyRoom(Arc<Semaphore>);

impl BodyRoom {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// Takes what a body that has grown to `size` needs besides what it has.
    pub(crate) fn grow(&self, held: &mut Held, size: usize) -> Result<(), NoRoom> {
        let has = held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = (size / UNIT).saturating_sub(has);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| NoRoom)?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_| NoRoom)?;
        match &mut held.0 {
            Some(permit) => permit.merge(more),
            None => held.0 = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_what_there_is() {
        let room = BodyRoom::new(4 * UNIT);
        let (mut one, mut other) = (Held::default(), Held::default());
        for size in [0, UNIT - 1, UNIT, 2 * UNIT + 1, 3 * UNIT] {
            assert_eq!(room.grow(&mut one, size), Ok(()), "{size}");
        }
        assert_eq!(room.grow(&mut other, UNIT), Ok(()));
        assert_eq!(room.grow(&mut other, UNIT + 1), Ok(()), "it has that");
        assert_eq!(room.grow(&mut other, 2 * UNIT), Err(NoRoom));
        let mut small = Held::default();
        assert_eq!(room.grow(&mut small, UNIT - 1), Ok(()), "small ones go on");
        drop(one);
        assert_eq!(room.grow(&mut other, 4 * UNIT), Ok(()));
    }
}
