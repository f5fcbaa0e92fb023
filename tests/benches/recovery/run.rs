//! One fault, one tool, once.

use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::log::Log;
use crate::stage::Stage;
use crate::tool::{CYCLE, Told, Tool};

/// Longer than any tool takes that heals the fault at all.
const PATIENCE: Duration = Duration::from_mins(1);
/// Monit looks at no endpoint of a program that started less than its start's timeout ago, which is 10 s here.
const SETTLED: Duration = Duration::from_secs(20);
/// Between two looks whether all is well.
const POLL: Duration = Duration::from_millis(10);

/// What was seen of one fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) told: Told,
    /// Until all was well, seen from outside.
    pub(crate) healed: Option<Duration>,
    /// Starts that were counted by what was started.
    pub(crate) actions: usize,
    /// The figure that only this fault has.
    pub(crate) after: Option<usize>,
}

/// Injects a fault when the cycle is at `phase` (0 to 1), and watches until it is healed and two cycles have gone by.
pub(crate) fn run(fault: &Fault, tool: Tool, phase: f64) -> Run {
    let begun = Instant::now();
    let mut stage = Stage::new();
    (fault.set_up)(&mut stage);
    let running = tool.start(fault, &stage);
    let log = Log::watch(running.log.clone());
    std::thread::sleep(SETTLED.saturating_sub(begun.elapsed()) + CYCLE.mul_f64(phase));
    let starts = stage.starts();
    let since = Instant::now();
    let before = (fault.inject)(&mut stage);
    let mut healed = None;
    while healed.is_none() && since.elapsed() < PATIENCE {
        std::thread::sleep(POLL);
        healed = (fault.is_well)(&stage, before).then(|| since.elapsed());
    }
    // It may say so only cycles later, and it may do more than was needed.
    std::thread::sleep(CYCLE * 4);
    let after = fault.after.as_ref().map(|figure| (figure.count)(&stage));
    let actions = stage.starts() - starts;
    drop(running);
    let lines = log.end();
    if healed.is_none() {
        let said: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
        eprintln!("{} did not heal `{}`; it said:\n{}\n", tool.name(), fault.name, said.join("\n"));
    }
    Run { told: tool.told(&lines, since), healed, actions, after }
}
