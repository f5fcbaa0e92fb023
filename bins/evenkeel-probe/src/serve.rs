//! `GET /probe?module=NAME&target=TARGET`, as the blackbox exporter has it.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use evenkeel_cli::{Common, Exit, Failure, escaped, print_json};
use evenkeel_config::{Module, load_text};
use evenkeel_probe::{Outcome, Prober, Target};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::args::Serve;
use crate::exposition;
use crate::report::{Conditions, Report};

/// Where the settings have no module, there are the two that every configuration of the blackbox exporter has.
const BUILT_IN: &str =
    "[module.http_2xx]\nhttp = { max_redirects = 5 }\n[module.tcp_connect]\ntcp = {}\n";

/// What is asked for without a word about the module.
const DEFAULT_MODULE: &str = "http_2xx";

/// Connections at one time, and so probes; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;

/// A client that has not sent its request's head by then is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A rest after a failed accept (no descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long Prometheus waits for a page; it says so with each scrape.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// What the page needs of that time to arrive. As the blackbox exporter has it.
const SCRAPE_MARGIN: Duration = Duration::from_millis(500);

struct Exporter {
    modules: Vec<Module>,
    prober: Prober,
    /// Names that requests may be for.
    hosts: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    module: Option<String>,
    target: Option<String>,
}

type Refusal = (StatusCode, String);

pub(crate) fn serve(common: &Common, args: &Serve) -> Result<Exit, Failure> {
    let mut modules = common.settings()?.modules;
    if modules.is_empty() {
        modules = load_text("built-in modules", BUILT_IN).map_err(Failure::usage)?.modules;
    }
    let hosts = args.host.iter().map(|host| host.to_ascii_lowercase()).collect();
    let exporter = Exporter { modules, prober: Prober::new(), hosts };
    let cannot_serve = |error: std::io::Error| {
        Failure::refused_because(format!("cannot serve on `{}`: {error}", args.listen))
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot_serve)?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await?;
        let address = listener.local_addr()?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tracing::info!(%address, "serving");
        if common.json {
            print_json(&json!({ "listen": address }));
        }
        tokio::select! {
            () = accept(listener, router(exporter)) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(Exit::Holds)
    });
    // A lookup that never ends must not hold up the end.
    runtime.shutdown_background();
    served.map_err(cannot_serve)
}

async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            // A client that goes away takes its probe with it.
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

fn router(exporter: Exporter) -> Router {
    let exporter = Arc::new(exporter);
    Router::new()
        .route("/", get(index))
        .route("/probe", get(probe))
        .layer(middleware::from_fn_with_state(exporter.clone(), only_for_us))
        .with_state(exporter)
}

async fn index(State(exporter): State<Arc<Exporter>>) -> String {
    let mut text = String::new();
    for module in &exporter.modules {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "/probe?module={}&target=", module.name);
    }
    text
}

async fn probe(
    State(exporter): State<Arc<Exporter>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    match exporter.probe(&wanted, &headers).await {
        Ok(page) => ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], page).into_response(),
        Err((status, reason)) => (status, format!("{}\n", escaped(reason))).into_response(),
    }
}

/// A page in somebody's browser can have a name of its own lead to this address, and would then read what it asks here.
async fn only_for_us(
    State(exporter): State<Arc<Exporter>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| exporter.answers_to(host)) {
        return next.run(request).await;
    }
    let reason = "this name is not one of `evenkeel-probe serve --host NAME`\n";
    (StatusCode::FORBIDDEN, reason).into_response()
}

impl Exporter {
    fn answers_to(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => host.split(':').next().unwrap_or(host),
        };
        let name = name.to_ascii_lowercase();
        name == "localhost" || name.parse::<IpAddr>().is_ok() || self.hosts.contains(&name)
    }

    async fn probe(&self, wanted: &Wanted, headers: &HeaderMap) -> Result<String, Refusal> {
        let name = wanted.module.as_deref().unwrap_or(DEFAULT_MODULE);
        let refuse = |status, reason: String| Err((status, reason));
        let Some(module) = self.modules.iter().find(|module| module.name == name) else {
            let known: Vec<_> = self.modules.iter().map(|module| module.name.as_str()).collect();
            let reason = format!("there is no module `{name}`; there are {}", known.join(", "));
            return refuse(StatusCode::BAD_REQUEST, reason);
        };
        let Some(place) = wanted.target.as_deref().filter(|target| !target.is_empty()) else {
            return refuse(StatusCode::BAD_REQUEST, "`target` is missing".to_owned());
        };
        let aimed = module.target.aimed_at(place);
        let mut target = aimed.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        if module.scope.as_ref().is_some_and(|scope| !scope.admits(&target)) {
            let reason = format!("`{place}` is not among the `targets` of module `{name}`");
            return refuse(StatusCode::FORBIDDEN, reason);
        }
        if let Target::Http(http) = &mut target {
            http.keep_header("content-length");
        }
        let timeout = time_left(headers).map_or(module.timeout, |left| left.min(module.timeout));
        let measurement = self.prober.measure(&target, timeout).await;
        if let Outcome::Unknown(failure) = &measurement.outcome {
            // Not a failed probe: nothing is known of the target. The scrape fails, and `up` with it.
            let reason = format!("{target} could not be looked at: {failure}");
            return refuse(StatusCode::SERVICE_UNAVAILABLE, reason);
        }
        let conditions = Conditions { down: &module.conditions, degraded: &[] };
        Ok(exposition::page(&Report::new(&target, conditions, 1, measurement)))
    }
}

/// How long a probe may take so that Prometheus still gets the page; `None` if it does not say.
fn time_left(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(SCRAPE_TIMEOUT)?.to_str().ok()?.parse().ok()?;
    let given = Duration::try_from_secs_f64(seconds).ok()?;
    // A deadline as short as the margin is kept whole rather than be none at all.
    Some(given.checked_sub(SCRAPE_MARGIN).filter(|left| !left.is_zero()).unwrap_or(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporter(settings: &str) -> Exporter {
        let modules = load_text("x.toml", settings).unwrap().modules;
        Exporter { modules, prober: Prober::new(), hosts: vec!["probe.internal".to_owned()] }
    }

    async fn ask(
        settings: &str,
        module: Option<&str>,
        target: Option<&str>,
    ) -> Result<String, Refusal> {
        let owned = |text: &str| text.to_owned();
        let wanted = Wanted { module: module.map(owned), target: target.map(owned) };
        exporter(settings).probe(&wanted, &HeaderMap::new()).await
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_refused_with_its_reason() {
        let settings = "[module.http_2xx]\nhttp = {}\ntargets = [\"10.0.0.0/8\"]\n";
        for (module, target, status, said) in [
            (None, None, StatusCode::BAD_REQUEST, "`target` is missing"),
            (Some("ssh"), Some("x"), StatusCode::BAD_REQUEST, "there are http_2xx"),
            (None, Some("ftp://10.0.0.1/"), StatusCode::BAD_REQUEST, "scheme"),
            (None, Some("file:///etc/passwd"), StatusCode::BAD_REQUEST, "is no URL"),
            (
                None,
                Some("http://169.254.169.254/"),
                StatusCode::FORBIDDEN,
                "not among the `targets`",
            ),
            (None, Some("http://10.0.0.1.evil.example/"), StatusCode::FORBIDDEN, "not among"),
            (None, Some("http://10.0.0.1@evil.example/"), StatusCode::BAD_REQUEST, "user name"),
        ] {
            let (found, reason) = ask(settings, module, target).await.unwrap_err();
            assert_eq!(found, status, "{reason}");
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_looked_at_is_no_failed_probe() {
        let settings = "[module.x]\ntcp = { tls = true, ca_file = \"/no/such.pem\" }\n";
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (status, reason) = ask(settings, Some("x"), Some(&address)).await.unwrap_err();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reason.contains("/no/such.pem"), "{reason}");
    }

    #[tokio::test]
    async fn the_built_in_modules_probe() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let page = ask(BUILT_IN, Some("tcp_connect"), Some(&address)).await.unwrap();
        assert!(page.contains("\nprobe_success 1\n"), "{page}");
    }

    #[test]
    fn only_addresses_and_known_names_are_answered_to() {
        let exporter = exporter(BUILT_IN);
        for host in
            ["localhost", "LOCALHOST:9115", "127.0.0.1:9115", "[::1]:9115", "probe.internal:9115"]
        {
            assert!(exporter.answers_to(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:9115", "localhost.evil.example", "[evil]"] {
            assert!(!exporter.answers_to(host), "{host}");
        }
    }

    #[test]
    fn prometheus_gets_its_page_in_time() {
        let left = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(SCRAPE_TIMEOUT, text.parse().unwrap());
            time_left(&headers)
        };
        assert_eq!(left("10"), Some(Duration::from_millis(9_500)));
        assert_eq!(left("0.5"), Some(Duration::from_millis(500)));
        for nonsense in ["", "soon", "-1", "NaN", "inf", "1e300"] {
            assert_eq!(left(nonsense), None, "{nonsense}");
        }
        assert_eq!(time_left(&HeaderMap::new()), None);
    }
}
