use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use evenkeel_cli::{Common, Exit, Failure, print_json};
use evenkeel_metrics::{Format, Metrics, ProcessMemory, ProcessStats, process_page};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Process, Selector, Serve};

/// A pidfile holds a number and a line feed.
const PIDFILE_BYTES: u64 = 64;

#[derive(Debug)]
struct Exporter {
    processes: Vec<Process>,
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    process: Option<String>,
}

pub(crate) fn serve(common: &Common, args: &Serve) -> Result<Exit, Failure> {
    for (at, process) in args.process.iter().enumerate() {
        if args.process[..at].iter().any(|other| other.name == process.name) {
            return Err(Failure::usage(format!("two processes are named `{}`", process.name)));
        }
    }
    let cannot_serve = |error: std::io::Error| {
        Failure::refused_because(format!("cannot serve on `{}`: {error}", args.listen))
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot_serve)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(cannot_serve)?;
        let address = listener.local_addr().map_err(cannot_serve)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot_serve)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_serve)?;
        let exporter = Exporter {
            processes: args.process.clone(),
            metrics: Metrics::new(env!("CARGO_PKG_VERSION"), SystemTime::now()),
        };
        tracing::info!(%address, "serving");
        if common.json {
            print_json(&json!({ "listen": address }));
        }
        axum::serve(listener, router(exporter))
            .with_graceful_shutdown(async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            })
            .await
            .map_err(cannot_serve)?;
        Ok(Exit::Holds)
    })
}

fn router(exporter: Exporter) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(exporter))
}

async fn index(State(exporter): State<Arc<Exporter>>) -> String {
    let mut text = String::from("/metrics\n");
    for process in &exporter.processes {
        let _ = writeln!(text, "/metrics?process={}", process.name);
    }
    text
}

async fn metrics(
    State(exporter): State<Arc<Exporter>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let format =
        Format::negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    // Reading `/proc` takes microseconds, but a pidfile may be on a filesystem that hangs.
    let page =
        tokio::task::spawn_blocking(move || exporter.page(wanted.process.as_deref(), format)).await;
    match page {
        Ok(Ok(page)) => ([(header::CONTENT_TYPE, format.content_type())], page).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Exporter {
    /// The page of one process or of all. A process that does not run is 503 on its own page, so that its job's `up` is 0,
    /// and absent from the page of all.
    fn page(&self, wanted: Option<&str>, format: Format) -> Result<Vec<u8>, (StatusCode, String)> {
        if let Some(name) = wanted {
            let Some(process) = self.processes.iter().find(|process| process.name == name) else {
                let names: Vec<_> = self.processes.iter().map(|one| one.name.as_str()).collect();
                let text = format!("no process has that name; there is: {}\n", names.join(", "));
                return Err((StatusCode::NOT_FOUND, text));
            };
            let stats = read(process)
                .map_err(|reason| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")))?;
            return Ok(process_page(&stats, format));
        }
        for process in &self.processes {
            let resident = read(process).ok().map(|stats| stats.resident_bytes);
            let memory = ProcessMemory { resident, ..ProcessMemory::default() };
            self.metrics.set_process_memory(&process.name, memory);
        }
        if let Ok(stats) = ProcessStats::read(std::process::id()) {
            self.metrics.set_agent_process(&stats);
        }
        Ok(self.metrics.encode(format))
    }
}

fn read(process: &Process) -> Result<ProcessStats, String> {
    let pid = match &process.selector {
        Selector::Pid(pid) => *pid,
        Selector::Pidfile(path) => read_pidfile(path)?,
    };
    ProcessStats::read(pid).map_err(|error| error.to_string())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the user names the pidfile; only a number is taken from it"
)]
fn read_pidfile(path: &Path) -> Result<u32, String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(PIDFILE_BYTES).read_to_string(&mut text))
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    text.trim().parse().map_err(|_| format!("`{}` holds no process id", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporter(selector: Selector) -> Exporter {
        Exporter {
            processes: vec![Process { name: "self".into(), selector }],
            metrics: Metrics::new("0", SystemTime::UNIX_EPOCH),
        }
    }

    fn text(exporter: &Exporter, wanted: Option<&str>) -> String {
        String::from_utf8(exporter.page(wanted, Format::Text).unwrap()).unwrap()
    }

    #[test]
    fn a_process_that_runs_has_a_page_and_a_line_on_the_page_of_all() {
        let exporter = exporter(Selector::Pid(std::process::id()));
        assert!(text(&exporter, Some("self")).contains("\nprocess_resident_memory_bytes "));
        assert!(
            text(&exporter, None)
                .contains("evenkeel_process_resident_memory_bytes{process=\"self\"} ")
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a pidfile in a scratch directory")]
    fn a_process_that_is_gone_is_unavailable_and_its_line_goes() {
        let directory = tempfile::tempdir().unwrap();
        let pidfile = directory.path().join("a.pid");
        std::fs::write(&pidfile, format!("{}\n", std::process::id())).unwrap();
        let exporter = exporter(Selector::Pidfile(pidfile.clone()));
        assert!(exporter.page(Some("self"), Format::Text).is_ok());
        assert!(text(&exporter, None).contains("process=\"self\""));
        for (content, reason) in [("4294967295\n", "is gone"), ("soon\n", "holds no process id")] {
            std::fs::write(&pidfile, content).unwrap();
            let (status, why) = exporter.page(Some("self"), Format::Text).unwrap_err();
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(why.contains(reason), "{why}");
            assert!(!text(&exporter, None).contains("process=\"self\""));
        }
    }

    #[test]
    fn a_process_that_was_not_named_is_not_found() {
        let refusal = exporter(Selector::Pid(1)).page(Some("other"), Format::Text).unwrap_err();
        assert_eq!(refusal.0, StatusCode::NOT_FOUND);
    }
}
