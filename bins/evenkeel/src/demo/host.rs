//! The scratch host: its directory, its files, its parts, its settings.
#![expect(
    clippy::disallowed_methods,
    reason = "the demo's own scratch directory, which only its user may enter"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel_cli::{Common, Failure};
use evenkeel_config::Settings;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::process::Command;

use super::bystanders::Bystanders;
use super::part;

/// The parts, in the order of their start.
pub(crate) const PARTS: [&str; 4] = ["worker", "web", "api", "bystander"];
const HASHES: u64 = 20;
const DAY: Duration = Duration::from_hours(24);

/// A scratch host. Removed by [`Host::remove`]; its parts also end when it is dropped.
#[derive(Debug)]
pub(crate) struct Host {
    dir: TempDir,
    seed: u64,
    /// How often every fault has struck.
    rounds: AtomicU64,
    /// The parts hold connections to it, and end when it is gone.
    lifeline: Option<tokio::task::JoinHandle<()>>,
}

fn file_name(number: u64) -> String {
    format!("{number:02}.hash")
}

impl Host {
    /// Lays out the files of a host in a new temporary directory.
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let dir = tempfile::Builder::new()
            .prefix("evenkeel-demo-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| format!("cannot make a temporary directory: {error}"))?;
        let mut host = Self { dir, seed, rounds: AtomicU64::new(0), lifeline: None };
        host.lay_out().map_err(|error| format!("cannot lay out the scratch host: {error}"))?;
        Ok(host)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir().join("state")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir().join("logs")
    }

    pub(crate) fn begin_round(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// The names of files that faults strike in this round. Others in each: one that deviated again and again would be left alone
    /// for a while, as if somebody fought over it.
    pub(crate) fn struck_files(&self) -> [String; 3] {
        let first = self.seed.wrapping_add(3 * self.rounds.load(Ordering::Relaxed));
        [0, 1, 2].map(|next| file_name(first.wrapping_add(next) % HASHES))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir().join("run/evenkeel.sock")
    }

    /// The files of a state directory as its supervisor leaves them.
    pub(crate) fn fill_state(&self) -> std::io::Result<()> {
        let state = self.state();
        for number in 0..HASHES {
            let path = state.join(file_name(number));
            fs::write(&path, format!("{number:064x}\n"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }

    fn lay_out(&mut self) -> std::io::Result<()> {
        for name in ["state", "logs", "run", "neighbour"] {
            fs::create_dir(self.dir().join(name))?;
        }
        fs::set_permissions(self.state(), fs::Permissions::from_mode(0o755))?;
        fs::set_permissions(self.dir().join("run"), fs::Permissions::from_mode(0o700))?;
        self.fill_state()?;
        fs::write(self.logs().join("small.log"), "a log that is small enough\n".repeat(100))?;
        // What a careless tool would touch: old files, odd modes, large logs next door, and links that lead there.
        let neighbour = self.dir().join("neighbour");
        for (name, mode) in [("old.hash", 0o600), ("secret", 0o400), ("open", 0o666)] {
            let path = neighbour.join(name);
            fs::write(&path, format!("{name}\n"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        fs::File::options()
            .write(true)
            .open(neighbour.join("old.hash"))?
            .set_modified(SystemTime::now() - 30 * DAY)?;
        fs::write(neighbour.join("large.log"), vec![b'x'; 2 << 20])?;
        std::os::unix::fs::symlink(neighbour.join("large.log"), self.logs().join("link.log"))?;
        let listener = UnixListener::bind(self.dir().join("lifeline"))?;
        self.lifeline = Some(tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Ok((line, _)) = listener.accept().await {
                lines.push(line);
            }
        }));
        Ok(())
    }

    /// Starts every part, as the recoveries of the settings would.
    pub(crate) async fn start_parts(&self) -> Result<(), String> {
        for name in PARTS {
            let [program, arguments @ ..] = self.start_command(name)?;
            let output = Command::new(program)
                .args(arguments)
                .kill_on_drop(true)
                .output()
                .await
                .map_err(|error| format!("cannot start {name}: {error}"))?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
            }
        }
        Ok(())
    }

    fn start_command(&self, name: &str) -> Result<[String; 5], String> {
        let program = std::env::current_exe()
            .map_err(|error| format!("cannot find this program: {error}"))?;
        let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path here is not UTF-8");
        Ok([
            text(&program)?,
            "demo-part".into(),
            "start".into(),
            text(self.dir())?,
            name.to_owned(),
        ])
    }

    /// The settings of this host: the plan's, with short intervals and without its root's rights.
    pub(crate) fn settings(&self, common: &Common) -> Result<Settings, Failure> {
        let mut text =
            include_str!("settings.toml").replace("@DIR@", &self.dir().display().to_string());
        for name in PARTS {
            let command = self.start_command(name).map_err(Failure::refused_because)?;
            let command = format!("{command:?}");
            text = text.replace(&format!("\"@START {name}@\""), &command);
            if let Ok(port) = part::port(self.dir(), name) {
                text = text.replace(&format!("@PORT {name}@"), &port.to_string());
            }
        }
        let path = self.dir().join("evenkeel.toml");
        fs::write(&path, text).map_err(|error| Failure::refused(&error))?;
        let own = Common { config: vec![path], set: common.set.clone(), ..Common::default() };
        own.settings_without_host()
    }

    /// How everything looks that no fault and no rule may touch.
    pub(crate) fn bystanders(&self) -> Result<Bystanders, String> {
        Bystanders::look(self).map_err(|error| format!("cannot look at the bystanders: {error}"))
    }

    /// Ends every part and removes the directory.
    pub(crate) fn remove(self) -> Result<(), String> {
        for name in PARTS {
            part::end(self.dir(), name)?;
        }
        let path = self.dir().to_owned();
        // A fault may have left a directory that its owner cannot enter.
        let _ = fs::set_permissions(self.state(), fs::Permissions::from_mode(0o700));
        self.dir.close().map_err(|error| format!("cannot remove `{}`: {error}", path.display()))
    }
}
