use std::time::SystemTime;

/// By which times a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What time it is.
    pub now: SystemTime,
    /// When the host booted, by the same time of day; `None`: that is not known, and rules that go by it fail.
    pub boot: Option<SystemTime>,
}

impl Clock {
    /// The time of day, and the boot of this host by it; what of it is the safe side: [`evenkeel_safefs::boot_time`].
    pub fn of_host() -> Self {
        let now = SystemTime::now();
        Self { now, boot: Some(evenkeel_safefs::boot_time(now)) }
    }
}

/// A time alone, for rules that do not go by the boot.
impl From<SystemTime> for Clock {
    fn from(now: SystemTime) -> Self {
        Self { now, boot: None }
    }
}
