use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use evenkeel_config::{Settings, Sources};

use crate::Failure;
use crate::log::{self, LogForm};

const HOST_FILE: &str = "/etc/evenkeel/evenkeel.toml";
const HOST_DIR: &str = "/etc/evenkeel/conf.d";

/// Flags that every program of evenkeel takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Settings file, or directory of *.toml; repeatable, later ones win
    #[arg(long, value_name = "PATH", global = true, help_heading = "Common options")]
    pub config: Vec<PathBuf>,
    /// One setting, such as agent.mode=observe; repeatable, wins over files
    #[arg(long, value_name = "KEY=VALUE", global = true, help_heading = "Common options")]
    pub set: Vec<String>,
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        help_heading = "Common options"
    )]
    pub color: ColorWhen,
    /// The form of the log; for the agent, `agent.log.format` of the settings says it as well
    #[arg(long, value_name = "FORM", global = true, help_heading = "Common options")]
    pub log_format: Option<LogForm>,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Common options")]
    pub verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub quiet: bool,
    /// Whether the program's own report says what was done, so that the log need not say it line by line.
    #[arg(skip)]
    pub reports: bool,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// If the output is a terminal that wants colours.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

impl Common {
    /// Reads the settings of the host and of these flags, in the order of the layers.
    ///
    /// Fails with every problem found, each with its file, line and key.
    pub fn settings(&self) -> Result<Settings, Failure> {
        evenkeel_config::load(&self.sources()).map_err(Failure::usage)
    }

    /// Reads the settings of these flags alone, as if the host had none.
    pub fn settings_without_host(&self) -> Result<Settings, Failure> {
        evenkeel_config::load(&self.sources_without_host()).map_err(Failure::usage)
    }

    /// Where these flags alone say that settings are.
    pub fn sources_without_host(&self) -> Sources {
        Sources { files: self.config.clone(), sets: self.set.clone(), ..Sources::default() }
    }

    /// Where these flags and the host say that settings are.
    pub fn sources(&self) -> Sources {
        let on_host = |path: &str| Path::new(path).exists().then(|| PathBuf::from(path));
        // Only this layer reads the environment: a library takes what it is given.
        let env: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("EVENKEEL_"))
            .collect();
        evenkeel_command::keep_from_commands(env.iter().map(|(name, _)| name.into()));
        Sources {
            host_file: on_host(HOST_FILE),
            host_dir: on_host(HOST_DIR),
            env,
            files: self.config.clone(),
            sets: self.set.clone(),
            ..Sources::default()
        }
    }

    /// Whether any setting was named, by a flag or by a file of the host.
    pub fn has_settings(&self) -> bool {
        !self.config.is_empty() || Path::new(HOST_FILE).exists() || Path::new(HOST_DIR).exists()
    }

    /// Goes on to log as the settings say, where these flags say nothing else; again with each reload.
    pub fn log_as(&self, settings: &Settings) {
        log::follow(self, &settings.agent.log);
    }

    pub(crate) fn init(&self) {
        match self.color {
            ColorWhen::Auto => {}
            ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
            ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
        }
        log::init(self);
    }
}
