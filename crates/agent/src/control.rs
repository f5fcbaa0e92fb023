//! Orders over the control socket: who may give them, what they say, and how they are answered.
//!
//! Only a unix socket tells who calls. There is no way to give an order over an address.

use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use evenkeel_engine::UnknownTarget;
use evenkeel_moment::Moment;
use jiff::Timestamp;
use nix::unistd::{Uid, User, geteuid};
use serde::{Deserialize, Serialize};

use crate::page::{Desk, Question, ask};

/// The longest hold: who wants more changes the settings.
pub const LONGEST_HOLD: Duration = Duration::from_hours(30 * 24);
/// The longest reason, in bytes: it is kept with each refusal.
pub const LONGEST_REASON: usize = 500;
/// The most that an order takes.
const LARGEST_ORDER: usize = 16 * 1024;

/// An order, as it comes over the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Hold { target: String, lasts: Duration, reason: String, by: String },
    Release { target: String, by: String },
    Reset { target: String, by: String },
}

/// An order that was obeyed and is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obeyed {
    pub(crate) order: Order,
    /// When it ends by itself.
    pub(crate) until: Option<Timestamp>,
}

/// Why an order was not obeyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotObeyed {
    #[error(transparent)]
    UnknownTarget(#[from] UnknownTarget),
    #[error("`{target}` is not held; {}", if held.is_empty() { "nothing is".to_owned() } else { format!("held is: {held}") })]
    NotHeld { target: String, held: String },
    #[error("the order could not be written to the history, and does not last: {0}")]
    NotWritten(String),
}

/// What the agent answers to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAnswer {
    /// hold, release or reset.
    pub order: String,
    /// The target, as it was named.
    pub target: String,
    /// Who ordered it, as the agent saw him.
    pub by: String,
    /// When a hold ends by itself.
    pub until: Option<Timestamp>,
}

/// Who is at the other end of the socket, as the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) uid: u32,
    pub(crate) pid: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldBody {
    target: String,
    for_ms: u64,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetBody {
    target: String,
}

/// An answer that is no success, in words.
type Refusal = (StatusCode, String);

/// The routes by which orders come; for the socket alone.
pub(crate) fn orders() -> Router<Desk> {
    Router::new()
        .route("/api/hold", post(hold))
        .route("/api/release", post(release))
        .route("/api/reset", post(reset))
        .layer(DefaultBodyLimit::max(LARGEST_ORDER))
}

async fn hold(
    State(desk): State<Desk>,
    caller: Option<Extension<Caller>>,
    body: Result<Json<HoldBody>, JsonRejection>,
) -> Response {
    answer(async {
        let by = expect_allowed(caller).await?;
        let HoldBody { target, for_ms, reason } = read(body)?;
        let lasts = Duration::from_millis(for_ms);
        let reason = checked_reason(&reason).map_err(|text| (StatusCode::BAD_REQUEST, text))?;
        if lasts.is_zero() || lasts > LONGEST_HOLD {
            let text = "a hold lasts for more than no time, and for at most 30 days\n".to_owned();
            return Err((StatusCode::BAD_REQUEST, text));
        }
        give(&desk, Order::Hold { target, lasts, reason, by }).await
    })
    .await
}

async fn release(
    State(desk): State<Desk>,
    caller: Option<Extension<Caller>>,
    body: Result<Json<TargetBody>, JsonRejection>,
) -> Response {
    answer(async {
        let by = expect_allowed(caller).await?;
        give(&desk, Order::Release { target: read(body)?.target, by }).await
    })
    .await
}

async fn reset(
    State(desk): State<Desk>,
    caller: Option<Extension<Caller>>,
    body: Result<Json<TargetBody>, JsonRejection>,
) -> Response {
    answer(async {
        let by = expect_allowed(caller).await?;
        give(&desk, Order::Reset { target: read(body)?.target, by }).await
    })
    .await
}

async fn answer(work: impl Future<Output = Result<OrderAnswer, Refusal>>) -> Response {
    match work.await {
        Ok(answer) => Json(answer).into_response(),
        Err((code, text)) => (code, text).into_response(),
    }
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    body.map(|Json(body)| body)
        .map_err(|error| (error.status(), format!("{}\n", error.body_text())))
}

/// A reason without blanks around it. Fails, in words, if nothing is left, if it is too long, or not one line.
fn checked_reason(reason: &str) -> Result<String, String> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(
            "a reason is needed: whoever looks at night wants to know why nothing is done\n"
                .to_owned(),
        );
    }
    if reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(format!("a reason is one line of at most {LONGEST_REASON} bytes\n"));
    }
    Ok(reason.to_owned())
}

/// Who gives the order, in words, if he may: root, or the user as whom the agent runs.
async fn expect_allowed(caller: Option<Extension<Caller>>) -> Result<String, Refusal> {
    let Some(Extension(caller)) = caller else {
        let text = "nobody can tell who calls; orders are taken on the control socket\n".to_owned();
        return Err((StatusCode::FORBIDDEN, text));
    };
    let own = geteuid();
    // Names may come from a directory service, which may take its time.
    let name = tokio::task::spawn_blocking(move || user_name(caller.uid));
    let name = name.await.ok().flatten().unwrap_or_else(|| format!("uid {}", caller.uid));
    if caller.uid != 0 && caller.uid != own.as_raw() {
        tracing::warn!(
            uid = caller.uid,
            pid = caller.pid,
            "an order was refused: {name} may not give any"
        );
        let text = format!("{name} may not give orders; root may, and the agent's own user\n");
        return Err((StatusCode::FORBIDDEN, text));
    }
    Ok(match caller.pid {
        Some(pid) => format!("{name} (pid {pid})"),
        None => name,
    })
}

fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

async fn give(desk: &Desk, order: Order) -> Result<OrderAnswer, Refusal> {
    let obeyed = ask(desk, |reply| Question::Order(order, reply))
        .await
        .map_err(|(code, text)| (code, text.to_owned()))?;
    obeyed.map(OrderAnswer::from).map_err(|refused| {
        let code = match refused {
            NotObeyed::UnknownTarget(_) => StatusCode::NOT_FOUND,
            NotObeyed::NotHeld { .. } => StatusCode::CONFLICT,
            NotObeyed::NotWritten(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (code, format!("{refused}\n"))
    })
}

impl Order {
    pub(crate) fn target(&self) -> &str {
        match self {
            Self::Hold { target, .. }
            | Self::Release { target, .. }
            | Self::Reset { target, .. } => target,
        }
    }

    /// The order at `now`.
    pub(crate) fn for_the_engine(self, now: Moment) -> evenkeel_engine::Order {
        match self {
            Self::Hold { target, lasts, reason, by } => {
                evenkeel_engine::Order::Hold { target, until: Some(now + lasts), reason, by }
            }
            Self::Release { target, by } => evenkeel_engine::Order::Release { target, by },
            Self::Reset { target, by } => evenkeel_engine::Order::Reset { target, by },
        }
    }
}

impl From<Obeyed> for OrderAnswer {
    fn from(obeyed: Obeyed) -> Self {
        let Obeyed { order, until } = obeyed;
        let (word, target, by) = match order {
            Order::Hold { target, by, .. } => ("hold", target, by),
            Order::Release { target, by } => ("release", target, by),
            Order::Reset { target, by } => ("reset", target, by),
        };
        Self { order: word.to_owned(), target, by, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_with_something_in_it() {
        assert_eq!(checked_reason("  migration \n"), Ok("migration".to_owned()));
        for bad in ["", "  ", "two\nlines", "\u{1b}[31m", &"x".repeat(LONGEST_REASON + 1)] {
            assert!(checked_reason(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn orders_are_taken_from_root_and_the_own_user_alone() {
        let ask = |uid| expect_allowed(Some(Extension(Caller { uid, pid: Some(7) })));
        assert_eq!(ask(0).await, Ok("root (pid 7)".to_owned()));
        assert!(ask(geteuid().as_raw()).await.is_ok());
        let (code, text) = ask(64_999).await.expect_err("a stranger");
        assert_eq!(code, StatusCode::FORBIDDEN);
        assert_eq!(text, "uid 64999 may not give orders; root may, and the agent's own user\n");
        let (code, _) = expect_allowed(None).await.expect_err("somebody over an address");
        assert_eq!(code, StatusCode::FORBIDDEN);
    }
}
