//! What happens to the agent, so many times as often as on an ordinary host.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_tests::{Chance, get, run_within, signal_if};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stage::{FILES, Stage};

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) chmods: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) streams: AtomicU64,
    pub(crate) scrapes: AtomicU64,
    pub(crate) orders: AtomicU64,
    pub(crate) reloads: AtomicU64,
    pub(crate) kills: AtomicU64,
}

/// Load that goes on until it is ended.
#[derive(Debug)]
pub(crate) struct Load {
    flags: Arc<Flags>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Flags {
    ended: AtomicBool,
    paused: AtomicBool,
    done: Done,
}

/// Whom the load is for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) config: PathBuf,
    /// Settings that say where it takes orders, and are never exchanged.
    pub(crate) orders: PathBuf,
    /// The built program, for orders.
    pub(crate) program: PathBuf,
}

impl Load {
    pub(crate) fn start(stage: &Stage, target: &Target, rate: u32, seed: u64) -> Self {
        let flags = Arc::new(Flags::default());
        // An ordinary host: a burst of drift each 100 s, a scraper each 15 s, somebody who looks each 30 s, an order each 5 min, a
        // reload each 10 min, a log of a few hundred bytes a second.
        let every = |seconds: f64| Duration::from_secs_f64(seconds / f64::from(rate));
        let mut threads = Vec::new();
        let mut add = |every: Duration, mut act: Work| {
            let flags = Arc::clone(&flags);
            threads.push(std::thread::spawn(move || {
                while flags.wait(every) {
                    act(&flags.done);
                }
            }));
        };
        add(every(100.0), drift(stage.join("kept"), seed));
        add(every(2.0), flood(stage.join("logs/flood.log"), 32 * 1024));
        add(every(3.0), litter(stage.join("litter")));
        for number in 0..4 {
            add(every(40.0), stream(target.address, seed ^ number));
        }
        for path in ["/metrics", "/api/status", "/", "/api/events?limit=200", "/target/web0"] {
            add(every(15.0), scrape(target.address, path));
        }
        add(every(300.0), order(target.clone()));
        add(every(600.0), reload(stage.settings.clone(), target.clone()));
        if let Some((noted, parent)) = stage.worker() {
            add(every(1000.0), kill_worker(noted, parent));
        }
        Self { flags, threads }
    }

    /// No load meanwhile.
    pub(crate) fn pause(&self, paused: bool) {
        self.flags.paused.store(paused, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) -> &Done {
        &self.flags.done
    }

    /// Ends it, and waits until nothing is under way.
    pub(crate) fn end(&mut self) {
        self.flags.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that failed has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Flags {
    /// Waits so long, and while there is to be no load; whether to go on.
    fn wait(&self, pause: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return false;
            }
            let left = pause.saturating_sub(begun.elapsed());
            let paused = self.paused.load(Ordering::Relaxed);
            if left.is_zero() && !paused {
                return true;
            }
            let longest = Duration::from_millis(50);
            std::thread::sleep(if paused { longest } else { left.min(longest) });
        }
    }
}

type Work = Box<dyn FnMut(&Done) + Send>;

/// A burst of files with a mode that they must not have.
fn drift(folder: PathBuf, seed: u64) -> Work {
    let mut chance = Chance::new(seed);
    Box::new(move |done| {
        for _ in 0..100 {
            let file = folder.join(format!("{:04}.hash", chance.below(FILES)));
            let _ = fs::set_permissions(file, Permissions::from_mode(0o666));
            done.chmods.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// A log that grows as fast as its rule cuts it.
fn flood(log: PathBuf, bytes: usize) -> Work {
    let line = "a line of a log that nobody will ever read\n";
    let text = line.repeat(bytes / line.len());
    Box::new(move |done| {
        let file = File::options().create(true).append(true).open(&log);
        if file.and_then(|mut file| file.write_all(text.as_bytes())).is_ok() {
            done.log_bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
    })
}

/// Files, one after the other, of which a rule keeps so many.
fn litter(folder: PathBuf) -> Work {
    let mut number = 0_u64;
    Box::new(move |_| {
        number += 1;
        let _ = fs::write(folder.join(format!("{number}.tmp")), "litter");
    })
}

/// A reader of the stream of events that goes away without a word.
fn stream(address: SocketAddr, seed: u64) -> Work {
    let mut chance = Chance::new(seed);
    Box::new(move |done| {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) else {
            return;
        };
        let patience = Duration::from_millis(chance.below(1500));
        let _ = stream.set_read_timeout(Some(patience.max(Duration::from_millis(1))));
        let request = format!("GET /api/stream HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let (begun, mut buffer) = (Instant::now(), [0; 4096]);
        if stream.write_all(request.as_bytes()).is_ok() {
            while begun.elapsed() < patience
                && stream.read(&mut buffer).is_ok_and(|count| count > 0)
            {}
        }
        done.streams.fetch_add(1, Ordering::Relaxed);
    })
}

fn scrape(address: SocketAddr, path: &'static str) -> Work {
    Box::new(move |done| {
        if get(address, path).is_ok() {
            done.scrapes.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Holds a target, lets it go, and gives it a fresh try.
fn order(target: Target) -> Work {
    Box::new(move |done| {
        let orders: [&[&str]; 3] = [
            &["hold", "web1", "--for", "1m", "--reason", "a soak"],
            &["release", "web1"],
            &["reset", "web0"],
        ];
        for words in orders {
            let config = ["--config", target.orders.to_str().expect("a plain path")];
            run_within(Duration::from_mins(1), &target.program, [words, &config].concat(), None);
            done.orders.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// One of two settings after the other, by SIGHUP; every fourth one is broken, and must be refused.
fn reload(settings: [String; 2], target: Target) -> Work {
    let mut number = 0_usize;
    Box::new(move |done| {
        number += 1;
        let is_broken = number.is_multiple_of(4);
        let text = if is_broken { "no = [settings" } else { settings[number % 2].as_str() };
        // By a rename: whoever reads a file that is being written sees half of it.
        let next = target.config.with_extension("next");
        if fs::write(&next, text).is_ok() && fs::rename(&next, &target.config).is_ok() {
            let _ = kill(Pid::from_raw(target.pid.cast_signed()), Signal::SIGHUP);
            done.reloads.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Kills a worker by the process number that it noted.
fn kill_worker(noted: PathBuf, parent: u32) -> Work {
    Box::new(move |done| {
        let text = fs::read_to_string(&noted).unwrap_or_default();
        let killed = text
            .trim()
            .parse()
            .is_ok_and(|number| signal_if(number, Signal::SIGKILL, |stat| stat.parent == parent));
        done.kills.fetch_add(u64::from(killed), Ordering::Relaxed);
    })
}
