use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath};

use crate::bus::{Bus, SYSTEMD, call, within};
use crate::nearest::nearest;
use crate::unit::Properties;
use crate::{ActiveState, Awaited, JobEnd, LoadState, SystemdError, Unit, UnitName};

const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Signals about one unit that wait to be read. There is one for each job.
const QUEUE: NonZeroUsize = NonZeroUsize::new(64).expect("it is not zero");
/// To list the unit files, systemd reads its directories: not for each look at a unit that is still not there.
const NEAR_LASTS: Duration = Duration::from_mins(10);
/// More units than anyone asks one manager about.
const NEAR_KEPT: usize = 256;

/// What names that do not exist may have meant, and when that was looked up.
type Near = BTreeMap<UnitName, (Instant, Vec<String>)>;

/// One systemd: that of the host, or that of a user. Cheap to clone; clones share the connection.
///
/// Needs a tokio runtime with I/O and time, and is of use within that one only.
#[derive(Debug, Clone)]
pub struct Manager {
    bus: Arc<Bus>,
    near: Arc<Mutex<Near>>,
}

impl Manager {
    /// The host's own.
    pub fn system() -> Self {
        Self::at(SYSTEM_BUS)
    }

    /// The one that runs the services of this user. Its bus lets in that user alone, and not even root.
    pub fn of_user(uid: u32) -> Self {
        Self::at(format!("/run/user/{uid}/bus"))
    }

    /// The one on the bus behind this socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self { bus: Arc::new(Bus::new(socket.into())), near: Arc::default() }
    }

    /// The socket of its bus.
    pub fn socket(&self) -> &Path {
        self.bus.socket()
    }

    /// The unit as it is now. One that is masked is found; for one that does not exist this fails with
    /// [`SystemdError::NoSuchUnit`].
    pub async fn unit(&self, name: &UnitName, deadline: Duration) -> Result<Unit, SystemdError> {
        within(deadline, Awaited::Answer, self.look(name)).await
    }

    /// Starts the unit, with what it needs, and waits for the end of that.
    pub async fn start(&self, name: &UnitName, deadline: Duration) -> Result<JobEnd, SystemdError> {
        self.job("StartUnit", name, deadline).await
    }

    /// Stops the unit, with what needs it, and waits for the end of that.
    pub async fn stop(&self, name: &UnitName, deadline: Duration) -> Result<JobEnd, SystemdError> {
        self.job("StopUnit", name, deadline).await
    }

    /// Stops the unit if it runs, starts it, and waits for the end of that.
    pub async fn restart(
        &self,
        name: &UnitName,
        deadline: Duration,
    ) -> Result<JobEnd, SystemdError> {
        self.job("RestartUnit", name, deadline).await
    }

    /// Has the unit read its settings again, and waits for the end of that.
    pub async fn reload(
        &self,
        name: &UnitName,
        deadline: Duration,
    ) -> Result<JobEnd, SystemdError> {
        self.job("ReloadUnit", name, deadline).await
    }

    /// Forgets that the unit failed, and how often it was started: one that hit its start limit can be started again.
    pub async fn reset_failed(
        &self,
        name: &UnitName,
        deadline: Duration,
    ) -> Result<(), SystemdError> {
        within(deadline, Awaited::Answer, async {
            let connection = self.bus.connection().await?;
            let method = (MANAGER_PATH, MANAGER, "ResetFailedUnit");
            match call(&connection, method, &name.as_str()).await {
                Ok(_) => Ok(()),
                Err(error) => Err(self.of_unit_call(error, name).await),
            }
        })
        .await
    }

    /// Which of `names` are neither units nor unit files, each with names that may have been meant.
    pub async fn missing(
        &self,
        names: &[UnitName],
        deadline: Duration,
    ) -> Result<Vec<(UnitName, Vec<String>)>, SystemdError> {
        within(deadline, Awaited::Answer, async {
            let mut missing = Vec::new();
            for name in names {
                match self.look(name).await {
                    Err(SystemdError::NoSuchUnit { unit, near }) => missing.push((unit, near)),
                    other => drop(other?),
                }
            }
            Ok(missing)
        })
        .await
    }

    async fn look(&self, name: &UnitName) -> Result<Unit, SystemdError> {
        let unit = match self.ask(name).await {
            // The connection had been lost unnoticed, as when the bus was restarted. To look twice does no harm.
            Err(SystemdError::Lost { .. }) => {
                self.bus.forget().await;
                self.ask(name).await?
            }
            other => other?,
        };
        // A unit whose file was deleted while it runs is still there.
        if unit.load == LoadState::NotFound && unit.active == ActiveState::Inactive {
            return Err(self.no_such_unit(name).await);
        }
        Ok(unit)
    }

    async fn ask(&self, name: &UnitName) -> Result<Unit, SystemdError> {
        let connection = self.bus.connection().await?;
        // All at once, so that they are of one moment. systemd loads a unit that is not loaded yet.
        let path = name.object_path();
        let answer = call(&connection, (&path, PROPERTIES, "GetAll"), &"").await;
        let body = answer.map_err(|error| SystemdError::of_call(error, self.socket()))?;
        let properties: HashMap<_, _> =
            body.deserialize().map_err(|error| SystemdError::of_call(error, self.socket()))?;
        let protocol = || SystemdError::Protocol { reason: format!("`{path}` is no unit") };
        Properties(properties).unit().ok_or_else(protocol)
    }

    async fn job(
        &self,
        method: &str,
        name: &UnitName,
        deadline: Duration,
    ) -> Result<JobEnd, SystemdError> {
        within(deadline, Awaited::EndOfJob, async {
            let id = self.look(name).await?.id;
            let connection = self.bus.connection().await?;
            let carried = |error| SystemdError::of_call(error, self.socket());
            // Before the job begins, or the end of a quick one is missed.
            let mut removed = removals(&connection, &id).await.map_err(carried)?;
            subscribe(&connection).await.map_err(carried)?;
            let arguments = (id.as_str(), "replace");
            let begun = match call(&connection, (MANAGER_PATH, MANAGER, method), &arguments).await {
                Ok(body) => body.deserialize::<OwnedObjectPath>().map_err(carried)?,
                Err(error) => return Err(self.of_unit_call(error, name).await),
            };
            while let Some(signal) =
                poll_fn(|context| Pin::new(&mut removed).poll_next(context)).await
            {
                let body = signal.map_err(carried)?.body();
                let (_, job, _, end): (u32, OwnedObjectPath, String, String) =
                    body.deserialize().map_err(carried)?;
                if job == begun {
                    return Ok(JobEnd::of(&end));
                }
            }
            Err(SystemdError::Lost { reason: "it was closed while a job ran".to_owned() })
        })
        .await
    }

    async fn of_unit_call(&self, error: zbus::Error, name: &UnitName) -> SystemdError {
        match SystemdError::of_call(error, self.socket()) {
            SystemdError::Refused { name: error, .. } if error.ends_with(".NoSuchUnit") => {
                self.no_such_unit(name).await
            }
            SystemdError::Refused { name: error, .. } if error.ends_with(".UnitMasked") => {
                SystemdError::Masked { unit: name.clone() }
            }
            other => other,
        }
    }

    async fn no_such_unit(&self, name: &UnitName) -> SystemdError {
        let kept = || self.near.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(name).filter(|(found, _)| found.elapsed() < NEAR_LASTS).cloned();
        let near = match known {
            Some((_, near)) => near,
            None => {
                // Without them the answer is still right, only less helpful.
                let names = self.names().await.unwrap_or_default();
                let near = nearest(name.as_str(), &names);
                let mut kept = kept();
                if kept.len() >= NEAR_KEPT {
                    kept.clear();
                }
                kept.insert(name.clone(), (Instant::now(), near.clone()));
                near
            }
        };
        SystemdError::NoSuchUnit { unit: name.clone(), near }
    }

    /// Every unit that is loaded, and every unit file.
    async fn names(&self) -> Result<BTreeSet<String>, SystemdError> {
        type Listed<'a> = (
            &'a str,
            &'a str,
            &'a str,
            &'a str,
            &'a str,
            &'a str,
            zbus::ObjectPath<'a>,
            u32,
            &'a str,
            zbus::ObjectPath<'a>,
        );
        let connection = self.bus.connection().await?;
        let carried = |error| SystemdError::of_call(error, self.socket());
        let files = call(&connection, (MANAGER_PATH, MANAGER, "ListUnitFiles"), &())
            .await
            .map_err(carried)?;
        let files: Vec<(&str, &str)> = files.deserialize().map_err(carried)?;
        let file_name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let mut names: BTreeSet<_> =
            files.into_iter().filter_map(|(path, _)| file_name(path)).collect();
        let units =
            call(&connection, (MANAGER_PATH, MANAGER, "ListUnits"), &()).await.map_err(carried)?;
        let units: Vec<Listed<'_>> = units.deserialize().map_err(carried)?;
        // One that is only mentioned by others is listed as well.
        let there = units.into_iter().filter(|unit| unit.2 != "not-found");
        names.extend(there.map(|unit| unit.0.to_owned()));
        Ok(names)
    }
}

/// The ends of jobs of one unit.
async fn removals(connection: &Connection, id: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(SYSTEMD)
        .path(MANAGER_PATH)
        .interface(MANAGER)
        .member("JobRemoved")
        .arg(2, id)
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Asks for signals; once for each connection is enough, and systemd says so.
async fn subscribe(connection: &Connection) -> zbus::Result<()> {
    match call(connection, (MANAGER_PATH, MANAGER, "Subscribe"), &()).await {
        Err(zbus::Error::MethodError(name, ..))
            if name.as_str().ends_with(".AlreadySubscribed") =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}
