//! Many bytes looked at together.

/// How many bytes are looked at together.
pub(crate) const BLOCK: usize = 64;

/// The bytes from a place on; noughts behind the end of the text.
#[inline]
pub(crate) fn block(bytes: &[u8], at: usize) -> [u8; BLOCK] {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        block
    })
}

/// A bit for each byte that is one of those; `is_one` must not branch.
#[inline]
pub(crate) fn of(block: &[u8; BLOCK], is_one: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0; BLOCK];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is_one(*byte));
    }
    // The product moves the lowest bit of each of eight bytes into the highest byte.
    let together = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (eights, _) = flags.as_chunks();
    eights.iter().rev().fold(0, |bits, eight| bits << 8 | together(eight))
}

/// The places of the bits that are set, the lowest first.
#[inline]
pub(crate) fn places(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        place
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_is_a_bit_for_each_byte(bytes in prop::collection::vec(any::<u8>(), 0..150), at in 0usize..150) {
            let is_one = |byte: u8| byte & 5 == 1;
            let found: Vec<usize> = places(of(&block(&bytes, at), is_one)).collect();
            let rest = bytes.get(at..).unwrap_or_default();
            let naive: Vec<usize> = (0..rest.len().min(BLOCK)).filter(|at| is_one(rest[*at])).collect();
            prop_assert_eq!(found, naive);
        }
    }
}
