//! An agent without a host, for `tests/fuzz`: an engine under given settings, and a page that answers given bytes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::{Extension, Router};
use evenkeel_config::Settings;
use evenkeel_engine::{Effect, Engine, Input, Past, Start};
use evenkeel_metrics::Metrics;
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome};
use evenkeel_recovery::machine::Ended;
use jiff::Timestamp;
use nix::unistd::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::control::{Caller, Obeyed};
use crate::history::Recent;
use crate::page::{Archive, Desk, Gate, Hub, Question, router};
use crate::serve::converse_once;

/// How often the engine is asked what comes next.
const TURNS: usize = 200;
/// Inputs and effects of one moment; a real one asks for no more than its settings name.
const MOST_PENDING: usize = 100_000;

/// Runs an engine under `settings` for some time of a host on which every check is down, and every action is said to succeed.
///
/// Fails, as a panic, where the engine does, and where it asks for something at one moment without end.
pub fn drive(settings: Settings) {
    let wall = Timestamp::constant(1_790_000_000, 0);
    let mut now = Moment::ORIGIN + Duration::from_secs(1_000_000);
    let past = Past::default();
    let start = Start { now, wall, seed: 7, spread: true, observe_only: None, past };
    let mut engine = Engine::new(settings, start);
    for _ in 0..TURNS {
        let mut inputs = vec![Input::Tick];
        let mut pending = 0;
        while let Some(input) = inputs.pop() {
            pending += 1;
            assert!(pending < MOST_PENDING, "it asks without end: {input:?}");
            inputs.extend(engine.handle(now, input).into_iter().filter_map(answer));
        }
        let Some(next) = engine.deadline(now) else { break };
        now = next.max(now + Duration::from_nanos(1));
    }
    let _ = engine.status(now, wall);
    let _ = engine.past(now, wall);
}

fn answer(effect: Effect) -> Option<Input> {
    match effect {
        Effect::Probe { check, run } => {
            let measurement = Measurement {
                took: Duration::from_millis(3),
                outcome: Outcome::bad(FailureClass::Status, "status 500"),
                facts: Facts::default(),
                parts: Vec::new(),
            };
            Some(Input::Measured { check, run, measurement })
        }
        Effect::Act(act) => {
            Some(Input::Acted { intent: act.intent, ended: Ended::Ran, detail: "done".into() })
        }
        _ => None,
    }
}

/// The page of an agent that has settings and perhaps a history, and keeps nothing.
#[derive(Debug, Clone)]
pub struct Page {
    address: Router,
    socket: Router,
}

impl Page {
    /// A page with this history on disk. Must be called within a runtime, which answers for the agent.
    pub fn new(settings: Settings, archive: Option<PathBuf>) -> Self {
        let (questions, asked) = mpsc::channel(16);
        tokio::spawn(answer_questions(settings, asked));
        let desk = Desk {
            questions,
            metrics: Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH)),
            recent: Recent::default(),
            archive: archive.map(Archive::new),
            boot_id: "boot".into(),
            host: "here".into(),
            hub: Hub::default(),
        };
        let gate = Gate::new(([127, 0, 0, 1], 80).into(), "here", None);
        let caller = Caller { uid: geteuid().as_raw(), pid: None };
        Self {
            address: router(desk.clone(), Some(gate)),
            socket: router(desk, None).layer(Extension(caller)),
        }
    }

    /// What a client hears that sends these bytes and no more, at the address or, if `control`, on the socket.
    pub async fn hear(&self, bytes: &[u8], control: bool) -> Vec<u8> {
        const ROOM: usize = 64 * 1024;
        let router = if control { &self.socket } else { &self.address };
        let (client, server) = tokio::io::duplex(ROOM);
        let (mut from, mut to) = tokio::io::split(client);
        let speak = async {
            // It may be closed before all is said.
            let _ = to.write_all(bytes).await;
            let _ = to.shutdown().await;
        };
        let listen = async {
            let mut heard = Vec::new();
            let _ = from.read_to_end(&mut heard).await;
            heard
        };
        let ((), (), heard) = tokio::join!(converse_once(server, router.clone()), speak, listen);
        heard
    }
}

async fn answer_questions(settings: Settings, mut asked: mpsc::Receiver<Question>) {
    let wall = Timestamp::constant(1_790_000_000, 0);
    let start = Start {
        now: Moment::ORIGIN,
        wall,
        seed: 7,
        spread: false,
        observe_only: None,
        past: Past::default(),
    };
    let engine = Engine::new(settings.clone(), start);
    while let Some(question) = asked.recv().await {
        match question {
            Question::Status(reply) => drop(reply.send(engine.status(Moment::ORIGIN, wall))),
            Question::Settings(reply) => drop(reply.send(settings.clone())),
            Question::Order(order, reply) => {
                let known = engine.knows_target(order.target());
                let obeyed = known.map(|()| Obeyed { order, until: Some(wall) });
                drop(reply.send(obeyed.map_err(Into::into)));
            }
        }
    }
}
