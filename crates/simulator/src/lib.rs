//! The engine on a scripted host in virtual time.
#![forbid(unsafe_code)]

mod chance;
mod disk;
mod faults;
mod host;
mod observer;
mod queue;
mod scenario;
mod summary;
mod trace;
mod world;

pub use faults::{
    ActionModel, AgentCrash, CrashAt, Drift, Due, Fault, FaultFileError, Faults, Fill, Flap, Leak,
    Orphan, Pace, Span, Strike, What, When,
};
pub use observer::{Event, Observer, View};
pub use scenario::Scenario;
pub use summary::{
    CheckSummary, CleanupSummary, FaultSummary, HostSummary, PermissionSummary, Slices, Spread,
    Summary, TargetSummary, Totals,
};

/// Plays a scenario to its end, and says what it came to.
pub fn run(scenario: &Scenario, observers: &mut [&mut dyn Observer]) -> Summary {
    host::Host::new(scenario, observers).play()
}
