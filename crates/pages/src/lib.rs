//! Draws what evenkeel knows as HTML and SVG: the status page, and reports that are files.
//!
//! Plain data in, text out: no clock, no file, no socket; who asks is a [`View`] with language, zone, theme and `now`. It knows
//! nothing of agent or history, so that a report can be drawn without an agent. Names, messages and outputs are hostile: they
//! are [`clean`]ed and escaped, and no page has a script or a style within its markup that a policy would have to allow.
//! Charts are SVG and need no script; where one may run, uPlot draws the same data so that a reader can zoom.
//!
//! ```
//! use evenkeel_pages::{Lang, Stretch, Theme, Verdict, View, strip};
//! use jiff::{Timestamp, ToSpan, tz::TimeZone};
//!
//! let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
//! let view = View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now };
//! let day = (now - 24.hours())..now;
//! let down = Stretch { from: now - 2.hours(), until: now - 1.hours(), verdict: Verdict::Bad };
//! let svg = strip(&view, &day, &[down]).into_string();
//! assert!(svg.contains("bad 1 h (4.1 %)"), "{svg}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod assets;
mod bars;
mod curve;
mod figures;
mod file;
mod folded;
mod layout;
mod overview;
mod past;
mod report;
mod rows;
mod said;
mod simulation;
mod strip;
mod tables;
mod target;
mod text;
mod ticks;
mod told;
mod view;
mod words;

pub use assets::{Asset, asset, assets};
pub use bars::{BarKind, Bars, Look, bars};
pub use curve::{Curve, Limit, Point, Trend, curve, field_title};
pub use figures::{IncidentRow, SloRow};
pub use folded::Folded;
pub use layout::{Frame, POLICY, message};
pub use overview::{Overview, overview};
pub use report::{CauseRow, DayRow, ReportData, report};
pub use rows::{
    ActionRow, AlertRow, BudgetRow, CheckRow, CleanupRow, DriftRow, EventRow, HoldRow, PartRow,
    RecoveryRow, RuleRow, Sample,
};
pub use said::said;
pub use simulation::{
    BudgetBar, DifferenceRow, Lane, Mark, PolicyRun, SimulationData, TargetLane, simulation,
};
pub use strip::{Stretch, Verdict, strip};
pub use target::{IncidentPage, Target, Window, incident, target};
pub use text::clean;
pub use told::{kind_of_line, lasted, told};
pub use view::{Theme, Unit, View, utc};
pub use words::Lang;

#[cfg(test)]
mod contrast;
