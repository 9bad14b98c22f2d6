//! What an answer said, in short.
