//! Figures over counts and scores.

/// A share; nothing of nothing is nothing.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// True positives, false positives and misses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) hits: usize,
    pub(crate) false_alarms: usize,
    pub(crate) misses: usize,
}

impl Counts {
    pub(crate) fn precision(self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    pub(crate) fn recall(self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }

    pub(crate) fn f1(self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
    }
}

/// The score that a share of the harmless rows exceeds at most; what lies above it is an attack.
pub(crate) fn threshold(harmless: &[f32], false_positives: f64) -> f32 {
    let mut scores = harmless.to_vec();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into the list")]
    let index = (scores.len() as f64 * false_positives) as usize;
    scores.get(index).copied().unwrap_or(f32::NEG_INFINITY)
}

/// The share of scores above a threshold.
pub(crate) fn above(scores: &[f32], threshold: f32) -> f64 {
    share(scores.iter().filter(|score| **score > threshold).count(), scores.len())
}

/// The chance that an attack has a higher score than a harmless row; ties count half.
pub(crate) fn area_under_curve(attacks: &[f32], harmless: &[f32]) -> Option<f64> {
    if attacks.is_empty() || harmless.is_empty() {
        return None;
    }
    let mut all: Vec<(f32, bool)> = attacks.iter().map(|score| (*score, true)).collect();
    all.extend(harmless.iter().map(|score| (*score, false)));
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < all.len() {
        let ties = all[start..].iter().take_while(|entry| entry.0.total_cmp(&all[start].0).is_eq()).count();
        let rank = (2 * start + ties + 1) as f64 / 2.0;
        rank_sum += rank * all[start..start + ties].iter().filter(|entry| entry.1).count() as f64;
        start += ties;
    }
    let (attacks, harmless) = (attacks.len() as f64, harmless.len() as f64);
    Some((rank_sum - attacks * (attacks + 1.0) / 2.0) / (attacks * harmless))
}

/// The mean of shares.
pub(crate) fn mean(shares: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = shares.fold((0.0, 0), |(sum, count), share| (sum + share, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half_in_the_area() {
        assert_eq!(area_under_curve(&[0.9, 0.5], &[0.5, 0.1]), Some(0.875));
        assert_eq!(area_under_curve(&[], &[0.5]), None);
    }

    #[test]
    fn a_threshold_lets_through_no_more_than_its_share() {
        let harmless: Vec<f32> = (0..100_u8).map(f32::from).collect();
        assert!((above(&harmless, threshold(&harmless, 0.02)) - 0.02).abs() < 1e-9);
        assert!(above(&harmless, threshold(&harmless, 0.0)) < 1e-9);
    }
}
