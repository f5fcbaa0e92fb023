use std::time::Duration;

use evenkeel_agent::OrderAnswer;
use serde_json::{Value, json};

use super::client::{self, ClientError};
use super::control_socket;
use super::runtime::block_on;
use crate::{Common, Exit, Failure, escaped, print_json, print_line};

/// Has the running agent hold a target for so long.
pub fn hold(common: &Common, target: &str, lasts: Duration, reason: &str) -> Result<Exit, Failure> {
    let for_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    let answer = order(
        common,
        "/api/hold",
        &json!({ "target": target, "for_ms": for_ms, "reason": reason }),
    )?;
    let until = answer.until.map(|until| format!(" until {until}")).unwrap_or_default();
    let text = format!("`{}` is held{until}; `evenkeel release` ends it sooner", escaped(target));
    Ok(told(common, &answer, &text))
}

/// Has the running agent end a hold.
pub fn release(common: &Common, target: &str) -> Result<Exit, Failure> {
    let answer = order(common, "/api/release", &json!({ "target": target }))?;
    Ok(told(common, &answer, &format!("`{}` is released", escaped(target))))
}

/// Has the running agent give a target a fresh try.
pub fn reset(common: &Common, target: &str) -> Result<Exit, Failure> {
    let answer = order(common, "/api/reset", &json!({ "target": target }))?;
    let what =
        "is reset: its ladder starts at its foot after a fresh look; its budget is not refunded";
    Ok(told(common, &answer, &format!("`{}` {what}", escaped(target))))
}

fn told(common: &Common, answer: &OrderAnswer, text: &str) -> Exit {
    if common.json {
        print_json(answer);
    } else {
        print_line(text);
    }
    Exit::Holds
}

/// Only a running agent takes orders: what is written behind its back would be lost with its next word.
fn order(common: &Common, path: &str, body: &Value) -> Result<OrderAnswer, Failure> {
    let socket = control_socket(common)?;
    block_on(async {
        client::post(&socket, path, body).await.map_err(|error| match error {
            ClientError::NoAgent { message } => Failure::refused_because(format!(
                "{message}; nothing is changed: only a running agent takes orders"
            )),
            // What was asked for makes no sense; anything else is the agent's refusal.
            ClientError::Refused { status: 400 | 404 | 409 | 422, message } => {
                Failure::usage(message)
            }
            error => Failure::refused(&error),
        })
    })
}
