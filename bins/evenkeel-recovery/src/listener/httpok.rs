//! httpok's options as settings.

use std::time::Duration;

use evenkeel_cli::Failure;
use evenkeel_config::{format_duration, parse_duration};
use evenkeel_probe::Pattern;

use super::args::Httpok;
use super::supervisor::{Supervisor, timeout_within};
use crate::toml::{list, quoted};

/// The pause between looks, unless the endpoint may take longer to answer.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long an endpoint has to prove that a restart helped, unless it may take long to answer.
const PROOF: Duration = Duration::from_mins(1);

impl Httpok {
    /// The settings of the checks and of what they recover, without the care that both kinds of listeners share.
    pub(crate) fn settings(
        &self,
        supervisor: &Supervisor,
        interval: Option<&str>,
        grace: &str,
    ) -> Result<Vec<String>, Failure> {
        self.mail.refuse()?;
        self.refuse()?;
        let timeout = self.timeout()?;
        let interval = match interval {
            Some(interval) => interval.to_owned(),
            None => format_duration(timeout.max(INTERVAL)),
        };
        let programs = format!("{}-programs", self.name);
        let check = format!("check.{}", quoted(&self.name));
        let mut sets = vec![
            format!("{check}.http.url={}", quoted(&self.url)),
            format!("{check}.http.expect_status={:?}", self.code),
            format!("{check}.timeout={}", quoted(&format_duration(timeout))),
            format!("{check}.interval={}", quoted(&interval)),
            format!("{check}.startup_grace={}", quoted(grace)),
            format!("{check}.failure_threshold={}", self.threshold()?),
        ];
        if let Some(body) = &self.body {
            let literal = Pattern::literal(body).map_err(Failure::usage)?;
            sets.push(format!(
                "{check}.conditions=[{{ field = \"body\", lacks = {} }}]",
                quoted(literal.as_str())
            ));
        }
        // Looks at the programs, so that none is restarted that was stopped on purpose or is starting.
        let check = format!("check.{}", quoted(&programs));
        sets.push(format!("{check}.supervisor.url={}", quoted(&supervisor.url)));
        sets.push(format!("{check}.supervisor.programs={}", list(&self.program)));
        sets.push(format!("{check}.supervisor.judge_states=false"));
        sets.push(format!("{check}.interval={}", quoted(&interval)));
        sets.extend(timeout_within(&check, &interval));
        let recovery = format!("recovery.{}", quoted(&self.name));
        let proof = format_duration((timeout * 3).max(PROOF));
        sets.push(format!("{recovery}.verify_timeout={}", quoted(&proof)));
        sets.push(format!("{recovery}.when={}", list(&[self.name.clone(), programs])));
        let step = |program: &String| {
            let (program, url) = (quoted(program), quoted(&supervisor.url));
            format!(
                "{{ action = \"supervisor.restart-program\", program = {program}, url = {url} }}"
            )
        };
        let steps: Vec<_> = self.program.iter().map(step).collect();
        sets.push(format!("{recovery}.steps=[{}]", steps.join(", ")));
        Ok(sets)
    }

    fn refuse(&self) -> Result<(), Failure> {
        if self.any {
            return Err(Failure::usage(
                "-a would restart every program because one endpoint fails, this listener among them: name those that serve it with -p",
            ));
        }
        if self.gcore.is_some() || self.coredir.is_some() {
            return Err(Failure::usage(
                "-g and -d write a core of each program before it is restarted, which may take minutes and all of the disk: leave them \
                 out. What the kernel and supervisord say of a program is kept with each incident",
            ));
        }
        if self.program.is_empty() {
            return Err(Failure::usage(
                "no program to restart when the endpoint fails: name it with -p NAME; to look alone, use --observe",
            ));
        }
        Ok(())
    }

    fn timeout(&self) -> Result<Duration, Failure> {
        let seconds = self.timeout.parse().ok().map(Duration::from_secs);
        let timeout = seconds.or_else(|| parse_duration(&self.timeout).ok());
        timeout.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
            let given = &self.timeout;
            Failure::usage(format!(
                "-t {given}: accepted is a time above zero, such as 10 or 500ms"
            ))
        })
    }

    /// `M/N` as a threshold; what cannot be is refused with the settings.
    fn threshold(&self) -> Result<String, Failure> {
        let parsed = self.failures.split_once('/').and_then(|(failures, within)| {
            Some((failures.parse::<u32>().ok()?, within.parse::<u32>().ok()?))
        });
        let (failures, within) = parsed.ok_or_else(|| {
            let given = &self.failures;
            Failure::usage(format!("--failures {given}: accepted is M/N, such as 3/5"))
        })?;
        Ok(format!("{{ failures = {failures}, within = {within} }}"))
    }
}
