//! What every adapter must show.
