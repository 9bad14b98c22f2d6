//! How often, and for how long.

use std::time::Duration;

/// What the scheduler removes, and how often it does what.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// How long usage events are kept.
    pub usage_retention: Duration,
    /// How often older ones are removed, and the minted tokens that ended before them.
    pub usage_interval: Duration,
    /// How long configuration changes are kept. A process that was away for longer reads the whole
    /// configuration anew.
    pub change_retention: Duration,
    /// How often older ones are removed.
    pub change_interval: Duration,
    /// How long it is kept what was said in calls.
    pub content_retention: Duration,
    /// How often older contents are removed.
    pub content_interval: Duration,
    /// How long a conversation is kept after its last turn, whatever its endpoint says. An endpoint
    /// may say less.
    pub session_retention: Duration,
    /// How often conversations are removed whose time is over.
    pub session_interval: Duration,
    /// How long calls are kept that could not be recorded, once somebody discarded them.
    pub dead_letter_retention: Duration,
    /// How often those are removed whose time is over.
    pub dead_letter_interval: Duration,
    /// How often cached answers and answers for repeated calls are removed whose time is over.
    pub expiry_interval: Duration,
    /// How often the audit log is closed and what is over of it removed.
    pub audit_interval: Duration,
    /// How often it is asked which monitored services are to be looked at.
    pub check_interval: Duration,
    /// How often tokens are marked whose time is over.
    pub token_interval: Duration,
    /// How often role and keys are taken from accounts whose access has ended.
    pub access_interval: Duration,
    /// How often it is taken back what processes that are gone reserved of limits.
    pub sweep_interval: Duration,
    /// How often usage events are added up that a process of the version before recorded.
    pub catch_up_interval: Duration,
    /// How often the history of jobs is cut.
    pub history_interval: Duration,
    /// The most rows that one transaction removes.
    pub batch_rows: u32,
    /// The pause after a full batch.
    pub pause: Duration,
    /// How often it is looked whether something is to be done.
    pub poll: Duration,
    /// After how long without a word whoever carries out a run is taken for gone.
    pub lease: Duration,
    /// How long a run may go on once the process is to end.
    pub grace: Duration,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            usage_retention: Duration::from_hours(90 * 24),
            usage_interval: Duration::from_hours(1),
            change_retention: Duration::from_hours(24),
            change_interval: Duration::from_hours(1),
            content_retention: Duration::from_hours(7 * 24),
            content_interval: Duration::from_hours(1),
            session_retention: Duration::from_hours(30 * 24),
            session_interval: Duration::from_hours(1),
            dead_letter_retention: Duration::from_hours(30 * 24),
            dead_letter_interval: Duration::from_hours(1),
            expiry_interval: Duration::from_mins(10),
            audit_interval: Duration::from_hours(1),
            check_interval: Duration::from_secs(15),
            token_interval: Duration::from_hours(1),
            access_interval: Duration::from_hours(1),
            sweep_interval: Duration::from_secs(10),
            catch_up_interval: Duration::from_secs(10),
            history_interval: Duration::from_hours(1),
            batch_rows: 1_000,
            pause: Duration::from_millis(50),
            poll: Duration::from_secs(1),
            lease: Duration::from_mins(1),
            grace: Duration::from_secs(5),
        }
    }
}
