mod alerts;
mod part;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_recovery::actions::Action;
use evenkeel_recovery::backoff::RetryPlan;
use evenkeel_recovery::breaker;
use evenkeel_recovery::budget::Budgets;
use evenkeel_shown::Secrets;

pub use self::alerts::{Alerts, DeadMan, Hidden, Receiver, ReceiverKind, SEVERITIES};
pub use self::part::OnCall;

/// What must hold on a host, checked: every rule can do its work, if the host lets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// How the agent itself runs.
    pub agent: AgentSettings,
    /// Who may read which files.
    pub permissions: Vec<PermissionRule>,
    /// What may grow how old and how large.
    pub cleanup: Vec<CleanupRule>,
    /// Rules that are done only where a step of a recovery asks for one; none where the settings are whole.
    pub on_call: OnCall,
    /// What must answer.
    pub checks: Vec<Check>,
    /// What is done where a check is down.
    pub recoveries: Vec<Recovery>,
    /// What availability is promised.
    pub slos: Vec<Slo>,
    /// How `evenkeel-probe serve` measures targets that are named by whoever asks.
    pub modules: Vec<Module>,
    /// Whom the agent itself tells what its rules find.
    pub alerts: Alerts,
    /// What works, but could be better; see [`Settings::advice`].
    pub advice: Vec<String>,
    /// What of these settings must not be shown, also where a target repeats it.
    pub secrets: Secrets,
}

/// Whether the agent may write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// It repairs, cleans and recovers.
    #[default]
    Enforce,
    /// Everything but the writes.
    Observe,
}

/// How the agent itself runs.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSettings {
    /// Whether it may write.
    pub mode: Mode,
    /// Where its history is kept.
    pub state_dir: PathBuf,
    /// Where the status page and the metrics are; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// The control socket; `None` for none.
    pub socket: Option<PathBuf>,
    /// The form and the amount of its log.
    pub log: LogSettings,
    /// How long after its start the agent only observes.
    pub grace: Duration,
    /// How long a repaired deviation still counts in `file_permission_errors`.
    pub hold_errors_for: Duration,
    /// When so many targets are down together that the host is suspected and nobody is restarted; `None`: never.
    pub storm: Option<Storm>,
    /// A tick that comes so much later than it was asked for means that the agent itself was starved.
    pub starved_after: Duration,
    /// Who may read the page at its address.
    pub access: Access,
}

/// Who may read the page at its address, and how it gets to him.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A file with a token that readers must send; `None`: nobody is asked.
    pub token_file: Option<PathBuf>,
    /// With what the page is encrypted; `None`: not at all.
    pub tls: Option<TlsFiles>,
    /// Whether everybody who reaches it may read it, though others than this host do.
    pub open: bool,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those of who vouches for it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The form and the amount of the agent's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The form.
    pub format: LogFormat,
    /// A level, or one for each target: `info,evenkeel_probe=debug`; levels are off, error, warn, info, debug and trace.
    pub level: String,
}

/// The form of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
    /// Entries with fields in the system's journal.
    Journald,
}

/// When targets that are down together make the host suspect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storm {
    /// At least so many.
    pub targets: u32,
    /// And at least this share of all targets, above 0 and at most 1.
    pub share: f64,
    /// That went down within this time; `None`: within two of the longest interval among their checks.
    pub within: Option<Duration>,
}

/// The built-in defaults.
impl Default for AgentSettings {
    fn default() -> Self {
        crate::built_in_agent()
    }
}

/// A rule about modes and owners.
#[derive(Debug, Clone, PartialEq)]
pub struct PermissionRule {
    /// Its name in the settings.
    pub name: String,
    /// What must hold.
    pub policy: evenkeel_permissions::Policy,
    /// Whether events of the kernel start a look at once.
    pub watch: bool,
    /// How often it is looked at in any case.
    pub interval: Duration,
}

/// A rule about age and size.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanupRule {
    /// Its name in the settings.
    pub name: String,
    /// What is taken away.
    pub policy: evenkeel_cleanup::Policy,
    /// How often it runs.
    pub interval: Duration,
}

/// Something that is measured again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name in the settings.
    pub name: String,
    /// What is measured.
    pub target: evenkeel_probe::Target,
    /// What the facts must not be.
    pub conditions: Vec<evenkeel_probe::Condition>,
    /// What the facts of each part must not be, such as a program's memory; judged part by part.
    pub part_conditions: Vec<evenkeel_probe::Condition>,
    /// What the facts must not be for it to be as it should be: degraded, and not down.
    pub degraded: Vec<evenkeel_probe::Condition>,
    /// The same, of each part.
    pub part_degraded: Vec<evenkeel_probe::Condition>,
    /// The names of the checks without which it cannot be up.
    pub depends_on: Vec<String>,
    /// When it may be down, as declared beforehand; `None`: never.
    pub maintenance: Option<evenkeel_health::DailyWindows>,
    /// When it counts as flapping; `None`: never.
    pub flap: Option<evenkeel_health::FlapPolicy>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Further attempts in the same run, until the first good one.
    pub retries: u32,
    /// The pause before each of these.
    pub retry_delay: Duration,
    /// From the start of one run to the start of the next.
    pub interval: Duration,
    /// The pause before the first run.
    pub initial_delay: Duration,
    /// What its results mean over time.
    pub health: evenkeel_health::Policy,
    /// Keeps attempts away from what is known to fail; `None` for no breaker.
    pub breaker: Option<breaker::Config>,
    /// The secrets of the settings, which are taken out of what its results say.
    pub secrets: Secrets,
}

/// What is done where a check is down.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// Its name in the settings.
    pub name: String,
    /// The names of the checks it listens to.
    pub when: Vec<String>,
    /// What is done, the next one where the one before did not help.
    pub steps: Vec<Step>,
    /// Further attempts of each step, and the pauses before them.
    pub retry: RetryPlan,
    /// How many actions there may be in a window.
    pub budgets: Budgets,
    /// How long the checks may take to prove that an action helped.
    pub verify_timeout: Duration,
    /// How long a target must stay up until its incident is over.
    pub stable_for: Duration,
    /// Whether what is to be seen of a target is kept before an action changes it.
    pub evidence: bool,
    /// What its group budget is shared with: every recovery of the same group. Its own name where none is given, so that the
    /// parts of one recovery are a group.
    pub group: String,
    /// Once the ladder is used up, one fresh attempt per this time; `None`: none.
    pub slow_retry: Option<Duration>,
    /// When what only a trend asks for is done; `None`: at any time.
    pub quiet: Option<evenkeel_health::DailyWindows>,
}

/// One step of a recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// How long it may take.
    pub timeout: Duration,
}

/// A promise of availability.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Its name in the settings.
    pub name: String,
    /// The names of the checks that must all be up.
    pub checks: Vec<String>,
    /// What is promised, and how it is counted; a slice is as long as the shortest interval of its checks.
    pub promise: evenkeel_metrics::availability::Promise,
}

impl Check {
    /// The pause before the next look at a check whose state is about to change: a tenth of the interval, 100 ms to 5 s.
    pub fn look_again(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(100);
        const LONGEST: Duration = Duration::from_secs(5);
        (self.interval / 10).clamp(SHORTEST, LONGEST).min(self.interval)
    }

    /// How long a fault that lasts can be there before the check is down, if its last result was good: every attempt fails at its
    /// deadline, or what a condition judges has to be so for as long as that says.
    ///
    /// `None` with a breaker, which keeps it from looking for as long as it is open. What is unknown and not bad does not count: such as
    /// timeouts of most checks at once, a file whose filesystem is silent, and what `startup_grace` spares.
    pub fn longest_detection(&self) -> Option<Duration> {
        if self.breaker.is_some() {
            return None;
        }
        let run = longest_run(self.timeout, self.retries, self.retry_delay);
        let failures = self.health.failure_threshold().failures;
        let counted = run.saturating_mul(failures);
        let counted =
            counted.saturating_add(self.look_again().saturating_mul(failures.saturating_sub(1)));
        // A condition that has to last is judged at a look; until it has lasted, looks are an interval apart, and it needs no counting then.
        let conditions = self.conditions.iter().chain(&self.part_conditions);
        let sustained = conditions.filter_map(|condition| condition.sustained_for).max();
        let sustained = sustained
            .map(|sustained| sustained.saturating_add(self.interval).saturating_add(run))
            .unwrap_or_default();
        Some(self.interval.saturating_add(counted.max(sustained)))
    }
}

/// How long a run takes in which every attempt fails at its deadline.
pub(crate) fn longest_run(timeout: Duration, retries: u32, retry_delay: Duration) -> Duration {
    let attempts = timeout.saturating_mul(retries.saturating_add(1));
    attempts.saturating_add(retry_delay.saturating_mul(retries))
}

/// A check whose target comes with each request.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its name in the settings.
    pub name: String,
    /// What is measured, but for the place: [`Target::aimed_at`](evenkeel_probe::Target::aimed_at) says where.
    pub target: evenkeel_probe::Target,
    /// What the facts must not be.
    pub conditions: Vec<evenkeel_probe::Condition>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// Where targets may be; anywhere if `None`.
    pub scope: Option<evenkeel_probe::Scope>,
}

impl Settings {
    /// What works, but could be better, and why; one entry each, for people.
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    /// Whether there is neither a check nor a rule: nothing to look at, and nothing to keep.
    pub fn is_idle(&self) -> bool {
        self.checks.is_empty() && self.permissions.is_empty() && self.cleanup.is_empty()
    }
}
