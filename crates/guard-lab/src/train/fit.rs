//! Logistic regression over windows. A text is an attack when one of its windows is, so that each round
//! trains on the window of an attack that the round before found most suspicious, and on all windows of
//! harmless texts.

use promptgate_guard::training::{FEATURES, Window};

use super::examples::Examples;

/// How it is trained.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Rates {
    /// How far a step goes.
    #[arg(long, default_value_t = 0.4)]
    rate: f32,
    /// How hard weights are pulled to nothing.
    #[arg(long, default_value_t = 2e-3)]
    decay: f32,
    /// How often every window is seen in a round.
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// How often the suspicious windows are chosen anew.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Where the order of the rows begins.
    #[arg(long, default_value_t = 20_260_101)]
    seed: u64,
}

/// Trained weights.
pub(crate) struct Model {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: f32,
}

impl Model {
    /// The logit of a window.
    pub(crate) fn logit(&self, window: &Window) -> f32 {
        self.bias + window.iter().map(|(bucket, worth)| self.weights[*bucket as usize] * worth).sum::<f32>()
    }

    /// The logit of a text: that of its highest window.
    pub(crate) fn highest(&self, windows: &[Window]) -> f32 {
        windows.iter().map(|window| self.logit(window)).fold(f32::NEG_INFINITY, f32::max)
    }
}

/// A window to learn from.
struct Lesson<'a> {
    window: &'a Window,
    target: f32,
    weight: f32,
}

/// Trains on some of the rows.
pub(crate) fn fit(examples: &Examples, rows: &[usize], rates: &Rates) -> Model {
    let mut model = None;
    for _ in 0..=rates.rounds {
        let lessons = lessons(examples, rows, model.as_ref());
        model = Some(round(&lessons, rates));
    }
    model.expect("there is a first round")
}

fn lessons<'a>(examples: &'a Examples, rows: &[usize], model: Option<&Model>) -> Vec<Lesson<'a>> {
    let mut lessons = Vec::new();
    for row in rows.iter().map(|row| &examples.rows[*row]) {
        let share = row.weight / (row.windows.len() as f32).sqrt();
        match model {
            Some(model) if row.is_attack() => {
                let highest = row.windows.iter().max_by(|a, b| model.logit(a).total_cmp(&model.logit(b)));
                lessons.extend(highest.map(|window| Lesson { window, target: 1.0, weight: row.weight }));
            }
            _ => {
                let target = f32::from(u8::from(row.is_attack()));
                lessons.extend(row.windows.iter().map(|window| Lesson { window, target, weight: share }));
            }
        }
    }
    lessons
}

/// Steps whose length falls with what a weight has moved already.
fn round(lessons: &[Lesson<'_>], rates: &Rates) -> Model {
    let mut model = Model { weights: vec![0.0; FEATURES], bias: 0.0 };
    let mut moved = vec![1e-6_f32; FEATURES];
    let mut moved_bias = 1e-6_f32;
    let mut order: Vec<usize> = (0..lessons.len()).collect();
    let mut random = Random(rates.seed);
    for _ in 0..rates.epochs {
        random.shuffle(&mut order);
        for lesson in order.iter().map(|index| &lessons[*index]) {
            let error = 1.0 / (1.0 + (-model.logit(lesson.window)).exp()) - lesson.target;
            let pull = error * lesson.weight;
            for (bucket, worth) in lesson.window {
                let at = *bucket as usize;
                let slope = pull * worth + rates.decay * model.weights[at];
                moved[at] += slope * slope;
                model.weights[at] -= rates.rate * slope / moved[at].sqrt();
            }
            moved_bias += pull * pull;
            model.bias -= rates.rate * pull / moved_bias.sqrt();
        }
    }
    model
}

/// A generator of the same numbers everywhere (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            #[expect(clippy::cast_possible_truncation, reason = "less than the length of a slice")]
            let other = (self.next() % (last as u64 + 1)) as usize;
            order.swap(last, other);
        }
    }
}
