use super::Record;
use crate::order::WHOLE_HOST;

impl Record {
    /// All kinds that [`Record::kind`] gives, in the order in which things happen.
    pub const KINDS: [&str; 26] = [
        "check_changed",
        "breaker_changed",
        "repaired",
        "fought",
        "rule_failed",
        "cleaned",
        "purged",
        "incident_opened",
        "refused",
        "skipped",
        "intended",
        "evidence",
        "acted",
        "judged",
        "incident_closed",
        "victim",
        "storm_began",
        "storm_ended",
        "starved",
        "flapping_started",
        "flapping_ended",
        "restarted_by_others",
        "held",
        "released",
        "hold_ended",
        "reset",
    ];

    /// The kind, as history and its filters name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CheckChanged { .. } => "check_changed",
            Self::BreakerChanged { .. } => "breaker_changed",
            Self::Repaired { .. } | Self::RepairedMore { .. } => "repaired",
            Self::Fought { .. } | Self::FoughtMore { .. } => "fought",
            Self::RuleFailed { .. } => "rule_failed",
            Self::Cleaned { .. } => "cleaned",
            Self::Purged { .. } => "purged",
            Self::IncidentOpened { .. } => "incident_opened",
            Self::Refused { .. } => "refused",
            Self::Skipped { .. } => "skipped",
            Self::Intended { .. } => "intended",
            Self::Evidence { .. } => "evidence",
            Self::Acted { .. } => "acted",
            Self::Judged { .. } => "judged",
            Self::IncidentClosed { .. } => "incident_closed",
            Self::Victim { .. } => "victim",
            Self::StormBegan { .. } => "storm_began",
            Self::StormEnded { .. } => "storm_ended",
            Self::Starved { .. } => "starved",
            Self::FlappingStarted { .. } => "flapping_started",
            Self::FlappingEnded { .. } => "flapping_ended",
            Self::RestartedByOthers { .. } => "restarted_by_others",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::HoldEnded { .. } => "hold_ended",
            Self::Reset { .. } => "reset",
        }
    }

    /// The check, rule or recovery target that the line is about.
    pub fn target(&self) -> String {
        match self {
            Self::CheckChanged { check, part, .. }
            | Self::FlappingStarted { check, part, .. }
            | Self::FlappingEnded { check, part, .. }
            | Self::RestartedByOthers { check, part, .. } => match part {
                Some(part) => format!("{check}/{part}"),
                None => check.clone(),
            },
            Self::BreakerChanged { check, .. } => check.clone(),
            Self::StormBegan { .. } | Self::StormEnded { .. } => WHOLE_HOST.to_owned(),
            Self::Starved { .. } => "agent".to_owned(),
            Self::Repaired { rule, .. }
            | Self::RepairedMore { rule, .. }
            | Self::Fought { rule, .. }
            | Self::FoughtMore { rule, .. }
            | Self::RuleFailed { rule, .. }
            | Self::Cleaned { rule, .. }
            | Self::Purged { rule, .. } => rule.clone(),
            Self::IncidentOpened { target, .. }
            | Self::Refused { target, .. }
            | Self::Skipped { target, .. }
            | Self::Intended { target, .. }
            | Self::Evidence { target, .. }
            | Self::Acted { target, .. }
            | Self::Judged { target, .. }
            | Self::IncidentClosed { target, .. }
            | Self::Victim { target, .. }
            | Self::Held { target, .. }
            | Self::Released { target, .. }
            | Self::HoldEnded { target, .. }
            | Self::Reset { target, .. } => target.clone(),
        }
    }

    /// The incident that the line belongs to, if any.
    pub const fn incident(&self) -> Option<u64> {
        match self {
            Self::IncidentOpened { incident, .. }
            | Self::Refused { incident, .. }
            | Self::Skipped { incident, .. }
            | Self::Intended { incident, .. }
            | Self::Evidence { incident, .. }
            | Self::Acted { incident, .. }
            | Self::Judged { incident, .. }
            | Self::IncidentClosed { incident, .. } => Some(*incident),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word that [`Record::kind`] can give stands in its text, one arm after the other.
    #[test]
    fn all_kinds_are_listed() {
        let source = include_str!("about.rs");
        let (_, kind) = source.split_once("pub const fn kind(&self)").expect("the function");
        let (arms, _) = kind.split_once("\n    }\n").expect("its end");
        let mut quoted: Vec<_> = arms.split('"').skip(1).step_by(2).collect();
        let mut listed = Record::KINDS;
        quoted.sort_unstable();
        listed.sort_unstable();
        assert_eq!(quoted, listed);
    }
}
