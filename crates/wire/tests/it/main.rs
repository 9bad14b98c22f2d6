//! Protocol fidelity: what passes through is byte for byte what came.

mod answers;
mod corpora;
mod requests;
