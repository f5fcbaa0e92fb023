use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evenkeel_recovery::actions::VARIABLES;
use walkdir::WalkDir;

use crate::key::{Key, nearest};
use crate::layer::{Layer, Origin, split_dotted};
use crate::preset::{PRESETS, preset};
use crate::problem::{Place, Problem};

/// The values that hold where no layer says otherwise, in the form of a layer themselves.
pub(crate) const DEFAULTS: &str = include_str!("defaults.toml");

/// Variables of the environment that are settings begin with this.
pub const VARIABLE_PREFIX: &str = "EVENKEEL_";

/// Variables of that prefix that are no settings: what commands of receivers of alerts are told. Those of recoveries are
/// [`VARIABLES`](evenkeel_recovery::actions::VARIABLES).
pub const RECEIVER_VARIABLES: [&str; 3] =
    ["EVENKEEL_RECEIVER", "EVENKEEL_ALERT", "EVENKEEL_STATUS"];

/// What stands before the text of a flag in an error.
const FLAG: &str = "--set ";

/// A settings file larger than this is taken for something else, such as a log.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Where to look for settings, in the order of the layers: a later one wins key by key.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Shipped settings by name, below everything that the host says.
    pub preset: Option<String>,
    /// The host's own file; it may be absent.
    pub host_file: Option<PathBuf>,
    /// The host's directory of `*.toml`, read by name; it may be absent.
    pub host_dir: Option<PathBuf>,
    /// Variables whose names begin with [`VARIABLE_PREFIX`], with two underscores between levels; others are ignored.
    pub env: Vec<(String, String)>,
    /// Files, and directories of `*.toml`, that were named; they must exist.
    pub files: Vec<PathBuf>,
    /// `key=value`: the value is TOML if it can be read as such, else a string.
    pub sets: Vec<String>,
}

/// Reads all layers, lowest first; what could not be read is in the problems.
pub(crate) fn gather(sources: &Sources) -> (Vec<Layer>, Vec<Problem>) {
    let mut gathered = Gathered::default();
    gathered.document(Origin::Default, DEFAULTS);
    if let Some(name) = &sources.preset {
        match preset(name) {
            Some(text) => gathered.document(Origin::Preset(name.clone()), text),
            None => gathered.problems.push(unknown_preset(name)),
        }
    }
    for path in sources.host_file.iter().filter(|path| path.exists()) {
        gathered.file(path);
    }
    for path in sources.host_dir.iter().filter(|path| path.exists()) {
        gathered.path(path);
    }
    let below_variables = gathered.layers.len();
    sources.files.iter().for_each(|path| gathered.path(path));
    // Names of rules are known only now: a variable cannot spell the dash in `check.api-status`.
    let is_setting = |name: &str| {
        // A command that evenkeel runs may well ask evenkeel something.
        name.starts_with(VARIABLE_PREFIX)
            && !RECEIVER_VARIABLES.contains(&name)
            && !VARIABLES.contains(&name)
    };
    let mut env: Vec<_> = sources.env.iter().filter(|(name, _)| is_setting(name)).collect();
    env.sort();
    let variables: Vec<_> =
        env.into_iter().filter_map(|(name, value)| gathered.variable(name, value)).collect();
    gathered.layers.splice(below_variables..below_variables, variables);
    sources.sets.iter().for_each(|set| gathered.set(set));
    (gathered.layers, gathered.problems)
}

/// One document in the place of all sources; for programs and tests that carry their settings with them.
pub(crate) fn gather_text(name: &Path, text: &str) -> (Vec<Layer>, Vec<Problem>) {
    let mut gathered = Gathered::default();
    gathered.document(Origin::Default, DEFAULTS);
    gathered.document(Origin::File(name.to_owned()), text);
    (gathered.layers, gathered.problems)
}

#[derive(Default)]
struct Gathered {
    layers: Vec<Layer>,
    problems: Vec<Problem>,
}

impl Gathered {
    fn document(&mut self, origin: Origin, text: &str) {
        match Layer::document(origin, text) {
            Ok(layer) => self.layers.push(layer),
            Err(problems) => self.problems.extend(problems),
        }
    }

    /// A file, or the `*.toml` of a directory.
    fn path(&mut self, path: &Path) {
        if !path.is_dir() {
            self.file(path);
            return;
        }
        let entries =
            WalkDir::new(path).min_depth(1).max_depth(1).follow_links(true).sort_by_file_name();
        for entry in entries {
            match entry {
                // A hidden file is an editor's copy of one that is being written.
                Ok(entry) if is_settings_file(entry.path()) => self.file(entry.path()),
                Ok(_) => {}
                Err(error) => {
                    let place = error.path().unwrap_or(path).display().to_string();
                    self.problems.push(
                        Problem::new(format!("cannot read `{place}`"))
                            .label(io_text(&error.into())),
                    );
                }
            }
        }
    }

    fn file(&mut self, path: &Path) {
        match read(path) {
            Ok(text) => self.document(Origin::File(path.to_owned()), &text),
            Err(error) => {
                let problem = Problem::new(format!("cannot read `{}`", path.display()));
                self.problems.push(problem.label(io_text(&error)));
            }
        }
    }

    fn variable(&mut self, name: &str, value: &str) -> Option<Layer> {
        let text = format!("{name}={value}");
        let (name_span, value_span) = (0..name.len(), name.len() + 1..text.len());
        let levels: Vec<_> =
            name[VARIABLE_PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        let origin = Origin::Variable(name.to_owned());
        if levels.len() < 2 || levels.iter().any(String::is_empty) {
            let layer = Layer::one_value(
                origin,
                &text,
                Key::default(),
                name_span.clone(),
                value_span.clone(),
            );
            self.problems.push(
                Problem::new(format!("the variable `{name}` names no setting"))
                    .at(Place::new(&layer, name_span, value_span))
                    .label("two underscores stand between the levels of a key")
                    .help(format!("accepted: names such as `{VARIABLE_PREFIX}AGENT__LISTEN`")),
            );
            return None;
        }
        let key = self.spelled_as_known(levels);
        Some(Layer::one_value(origin, &text, key, name_span, value_span))
    }

    /// The second level as some file spells it, if one does: `api_status` means `api-status` where that is a rule.
    fn spelled_as_known(&self, mut levels: Vec<String>) -> Key {
        let plain = |name: &str| name.to_lowercase().replace('-', "_");
        let mut known = self.layers.iter().flat_map(|layer| layer.names(&levels[0]));
        if let Some(name) = known.rfind(|name| plain(name) == levels[1]) {
            levels[1] = name;
        }
        Key::from_segments(levels)
    }

    fn set(&mut self, argument: &str) {
        let text = format!("{FLAG}{argument}");
        // A quoted key may contain the sign, so the first one that leaves a key before it counts.
        let split = argument.match_indices('=').find_map(|(at, _)| {
            split_dotted(argument[..at].trim()).map(|segments| (FLAG.len() + at, segments))
        });
        let Some((at, segments)) = split else {
            let whole = FLAG.len()..text.len();
            let layer =
                Layer::one_value(Origin::Flag, &text, Key::default(), whole.clone(), whole.clone());
            self.problems.push(
                Problem::new("a `--set` flag takes `key=value`")
                    .at(Place::new(&layer, whole.clone(), whole))
                    .label("no key and value in this")
                    .help("accepted: a dotted key and a value, such as `agent.mode=observe`"),
            );
            return;
        };
        let key_span = FLAG.len()..text[..at].trim_end().len();
        let start = text.len() - text[at + 1..].trim_start().len();
        let value = start..text.trim_end().len().max(start);
        let key = Key::from_segments(segments);
        self.layers.push(Layer::one_value(Origin::Flag, &text, key, key_span, value));
    }
}

fn unknown_preset(name: &str) -> Problem {
    let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
    let problem = Problem::new(format!("no preset is named `{name}`"));
    let problem = match nearest(name, names.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    };
    problem.help(format!("accepted: {}", names.join(", ")))
}

fn is_settings_file(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    path.extension().is_some_and(|extension| extension == "toml") && !hidden && !path.is_dir()
}

#[expect(clippy::disallowed_methods, reason = "settings are where an operator says they are")]
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("larger than 4 MiB, which no settings file is"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .split(|byte| *byte == b'\n')
            .count();
        io::Error::other(format!("line {line} is not UTF-8 text"))
    })
}

/// The error without the number that the standard library adds.
fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}
