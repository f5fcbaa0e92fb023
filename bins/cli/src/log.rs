//! Where the log goes, in which form, and how much of it.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ValueEnum;
use evenkeel_config::{LogFormat, LogSettings};
use evenkeel_shown::{escaped, redact};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::bar::AboveTheBar;
use crate::{ColorWhen, Common};

/// Fields in the system's journal begin with this: `EVENKEEL_INCIDENT=12`.
const FIELD_PREFIX: &str = "EVENKEEL";

/// The form of the log, as `--log-format` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// Lines for people, on standard error.
    Human,
    /// One JSON object a line, on standard error.
    Json,
    /// Entries with fields in the system's journal; on standard error where there is none.
    Journald,
}

type Filter = reload::Layer<Targets, Registry>;
type Filtered = Layered<Filter, Registry>;
type Written = Box<dyn Layer<Filtered> + Send + Sync>;

/// What can be changed while the program runs, by a reload of its settings.
struct Handles {
    filter: reload::Handle<Targets, Registry>,
    written: reload::Handle<Written, Filtered>,
    form: std::sync::Mutex<LogForm>,
}

static HANDLES: OnceLock<Handles> = OnceLock::new();

/// Begins to log as the flags say.
pub(crate) fn init(common: &Common) {
    let form = common.log_format.unwrap_or(LogForm::Human);
    let (filter, filter_handle) = reload::Layer::new(wanted(common, None));
    let (layer, refused) = written(form, common);
    let (layer, written_handle) = reload::Layer::new(layer);
    let registry = tracing_subscriber::registry().with(filter).with(layer);
    // A second call, from a test in the same process, keeps the first subscriber.
    if registry.try_init().is_ok() {
        let _ = HANDLES.set(Handles {
            filter: filter_handle,
            written: written_handle,
            form: std::sync::Mutex::new(form),
        });
    }
    tell(refused);
}

/// Goes on to log as the settings say, where the flags say nothing else.
pub(crate) fn follow(common: &Common, settings: &LogSettings) {
    let Some(handles) = HANDLES.get() else { return };
    let wanted_form = common.log_format.unwrap_or(match settings.format {
        LogFormat::Human => LogForm::Human,
        LogFormat::Json => LogForm::Json,
        LogFormat::Journald => LogForm::Journald,
    });
    // Both fail only where the subscriber is gone, and then nobody logs any more.
    let _ = handles.filter.reload(wanted(common, Some(settings)));
    let Ok(mut form) = handles.form.lock() else { return };
    if *form != wanted_form {
        *form = wanted_form;
        let (layer, refused) = written(wanted_form, common);
        let _ = handles.written.reload(layer);
        tell(refused);
    }
}

fn tell(refused: Option<std::io::Error>) {
    if let Some(error) = refused {
        tracing::warn!(%error, "the system's journal cannot be reached: the log goes to standard error");
    }
}

/// How much is logged: flags before settings, and these before what is usual.
fn wanted(common: &Common, settings: Option<&LogSettings>) -> Targets {
    let of_flags = match (common.quiet, common.verbose) {
        (true, _) => Some(LevelFilter::ERROR),
        (false, 0) if common.reports => Some(LevelFilter::WARN),
        (false, 0) => None,
        (false, 1) => Some(LevelFilter::DEBUG),
        (false, _) => Some(LevelFilter::TRACE),
    };
    let of_settings = || settings.and_then(|settings| settings.level.parse().ok());
    match of_flags {
        Some(level) => Targets::new().with_default(level),
        None => of_settings().unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
    }
}

/// What writes in this form; and why not the journal, if it cannot.
fn written(form: LogForm, common: &Common) -> (Written, Option<std::io::Error>) {
    match form {
        LogForm::Human => (human(common), None),
        LogForm::Json => {
            let json = fmt::layer().json().flatten_event(true);
            // Their own `target` is what people look for; the module is in the journal alone.
            (json.with_target(false).with_writer(|| AboveTheBar).boxed(), None)
        }
        LogForm::Journald => match tracing_journald::layer() {
            Ok(layer) => {
                let prefix = Some(FIELD_PREFIX.to_owned());
                (layer.with_field_prefix(prefix).with_syslog_identifier(program()).boxed(), None)
            }
            Err(error) => (human(common), Some(error)),
        },
    }
}

fn human(common: &Common) -> Written {
    let ansi = match common.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
        }
    };
    let fields = debug_fn(|writer, field, value| {
        // What a target chose the words of is among it, and a terminal or another program reads this.
        let text = redact(&format!("{value:?}"));
        if field.name() == "message" {
            // A line that begins with white space belongs to the one before: none can be forged.
            let lines: Vec<_> = text.lines().map(escaped).collect();
            write!(writer, "{}", lines.join("\n    "))
        } else {
            write!(writer, "{}={}", field.name(), escaped(&text))
        }
    })
    .delimited(" ");
    let layer = fmt::layer().fmt_fields(fields).with_ansi(ansi).with_target(false);
    let layer = layer.with_writer(|| AboveTheBar);
    // The service manager's journal puts the time to each line by itself.
    let is_timed = std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal();
    if is_timed { layer.without_time().boxed() } else { layer.boxed() }
}

fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
