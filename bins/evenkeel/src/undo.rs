use std::path::{Path, PathBuf};

use evenkeel_cli::cleanup::{self, Place};
use evenkeel_cli::{Common, Exit, Failure, escaped_path as escaped};

use crate::args::Undo;

/// `evenkeel undo`: the root of the run is found among the cleanup rules of the settings.
pub(crate) fn undo(common: &Common, args: &Undo) -> Result<Exit, Failure> {
    let mut places = Place::all(&common.settings()?)?;
    if let Some(path) = &args.path {
        let path = absolute(path)?;
        places.retain(|place| place.root == path);
        if places.is_empty() {
            let path = escaped(&path);
            return Err(Failure::usage(format!(
                "no cleanup rule of the settings is about `{path}`"
            )));
        }
    }
    let only = args.only.as_deref().map(absolute).transpose()?;
    cleanup::undo(common, &places, &args.id, only.as_deref())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("PATH: {error}")))
}
