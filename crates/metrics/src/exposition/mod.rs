//! Reads metrics pages and says what is wrong with them.
//!
//! The parser takes Prometheus text 0.0.4, and `OpenMetrics` pages as far as the two agree: a page that ends in `# EOF` may have
//! counters whose family is named without `_total`, units, and exemplars.

mod line;
mod lint;

pub use line::{Line, Sample, SyntaxError, parse_line};
pub use lint::{Finding, Severity, lint};
