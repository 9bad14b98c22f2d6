//! Tokens by bytes, where nobody counted them.

/// How many bytes of text a token is taken to be.
pub const BYTES_PER_TOKEN: u64 = 4;

/// About how many tokens so many bytes of text are; rounded up.
pub const fn tokens_of_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}
