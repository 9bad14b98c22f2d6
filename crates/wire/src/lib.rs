//! The vendors' wire formats: reading what a request asks, changing only what must change, observing what an answer used.
