//! One check: when it looks ([`schedule`]), the attempts of a look ([`series`]), what their results mean ([`judge`]) and
//! what follows from them ([`conclude`]); what may be asked of it ([`answers`]), and what of it outlives the agent ([`kept`]).

mod answers;
mod conclude;
mod judge;
mod kept;
mod schedule;
mod series;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::Check;
use evenkeel_health::Sustained;
use evenkeel_moment::Moment;
use evenkeel_probe::Facts;
use evenkeel_recovery::actions::{Identity, StoppedProgram};
use evenkeel_recovery::breaker::Breaker;
use evenkeel_shown::said::Said;

pub(crate) use self::conclude::{missing, unclear};
pub(crate) use self::judge::{Worst, sustained, worst};
use self::series::Series;
use crate::forecasts::Forecasts;
use crate::limits::Limits;
use crate::programs::Looked;
use crate::sampled::has_latency;
use crate::subject::Subject;

/// One check: when it is due, the series of attempts that runs, its breaker, and what health makes of its results.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of their own: each may hold with each")]
pub(crate) struct CheckCore {
    pub(crate) spec: Check,
    /// The name of the check, for what is told of each look.
    pub(crate) name: Arc<str>,
    index: usize,
    due: Moment,
    /// When it is to look again that is still looking.
    again: Option<Moment>,
    /// Whether somebody saw a change while it was looking.
    hinted: bool,
    /// When it was polled last: what time alone had brought by then is taken in, and what it brings later is due.
    polled: Moment,
    series: Option<Series>,
    series_begun: u64,
    breaker: Option<Breaker>,
    /// What the failures in the breaker's window were, oldest first.
    failures: VecDeque<Arc<Said>>,
    sustained: Vec<Option<Sustained>>,
    pub(crate) own: Subject,
    pub(crate) parts: BTreeMap<String, Subject>,
    /// The children of its daemon, where that did not answer: who they are it alone could say.
    pub(crate) children: Vec<Identity>,
    /// What the last look said of each part; `None` if nobody could be asked.
    pub(crate) looked: Option<Looked>,
    /// Programs that restarts of ours were about to stop and did not start, as far as anybody knows.
    pub(crate) our_stops: Vec<StoppedProgram>,
    /// Whether a timeout says nothing: most time out together.
    pub(crate) doubts_timeouts: bool,
    /// Whether attempts are counted and points of curves told.
    pub(crate) tells_figures: bool,
    forecasts: Forecasts,
    /// Whether its target has a latency.
    pub(crate) has_latency: bool,
    /// Whether its target has parts.
    pub(crate) lists_parts: bool,
    /// The conditions on each part, where there are any.
    limits: BTreeMap<String, Limits>,
    last: Option<Last>,
    /// When the last series came to its end.
    pub(crate) concluded: Option<Moment>,
    /// When that series began.
    pub(crate) began: Option<Moment>,
    /// When the last series that could tell anything began: what it saw is not older than that.
    pub(crate) look_began: Option<Moment>,
    /// The checks without which this one cannot be up, near and far, by their place in the settings.
    pub(crate) dependencies: Vec<usize>,
    /// Parts that were started anew since the last look, `None` for what the check itself watches.
    pub(crate) reborn: Vec<Option<String>>,
    /// Conditions that make it degraded.
    degraded: Vec<Option<Sustained>>,
}

#[derive(Debug)]
struct Last {
    took: Duration,
    facts: Facts,
    /// What it looks at does not exist, in words.
    missing: Option<Said>,
    /// Why it is neither good nor bad, in words.
    unclear: Option<Said>,
}

impl CheckCore {
    /// The processes of its parts as they were seen last, and of those that its daemon did not name.
    pub(crate) fn processes(&self) -> impl Iterator<Item = Identity> {
        let parts = self.parts.values().filter_map(|part| part.process);
        parts.chain(self.children.iter().copied())
    }

    /// Takes over which processes another check of the same target knew: a daemon that died since then names nobody.
    pub(crate) fn knows(&mut self, other: &Self) {
        if self.spec.name == other.spec.name && self.spec.target == other.spec.target {
            self.children = other.processes().collect();
            self.own.process = other.own.process;
        }
    }

    /// A check whose first look is due after its delay and `phase`.
    pub(crate) fn new(spec: Check, index: usize, now: Moment, phase: Duration) -> Self {
        Self {
            name: spec.name.as_str().into(),
            index,
            due: now + spec.initial_delay + phase,
            again: None,
            hinted: false,
            polled: Moment::ORIGIN,
            series: None,
            series_begun: 0,
            breaker: spec.breaker.clone().map(|config| Breaker::new(config, now)),
            sustained: sustained(&spec.conditions),
            degraded: sustained(&spec.degraded),
            own: Subject::new(&spec, now),
            look_began: None,
            looked: None,
            failures: VecDeque::new(),
            our_stops: Vec::new(),
            doubts_timeouts: false,
            tells_figures: true,
            forecasts: Forecasts::new(&spec.conditions),
            has_latency: has_latency(&spec.target),
            lists_parts: !spec.target.part_fields().is_empty(),
            dependencies: Vec::new(),
            reborn: Vec::new(),
            children: Vec::new(),
            parts: BTreeMap::new(),
            limits: BTreeMap::new(),
            last: None,
            concluded: None,
            began: None,
            spec,
        }
    }
}
