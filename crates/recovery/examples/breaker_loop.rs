//! A plain loop: one thread asks a peer each second, on a clock that is made up, so that an outage of a minute is over at once.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::error::Error;
use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::{Breaker, Config, Draft};

fn main() -> Result<(), Box<dyn Error>> {
    let draft = Draft { request_volume_threshold: 5, reset_multiplier: 2, ..Draft::default() };
    let mut breaker = Breaker::new(Config::try_new(draft)?, Moment::ORIGIN);
    let (mut asked, mut spared) = (0, 0);
    for second in 0..180 {
        let now = Moment::since_origin(Duration::from_secs(second));
        match breaker.try_acquire(now) {
            Ok(permit) => {
                asked += 1;
                match ask_the_peer(second) {
                    Ok(()) => breaker.success(permit, now),
                    Err(_) => breaker.failure(permit, now),
                };
            }
            Err(_) => spared += 1,
        }
        for change in breaker.drain_changes() {
            let (from, to) = (change.from.as_str(), change.to.as_str());
            println!("second {second:3}: {from} -> {to}, {:?}", change.reason);
        }
    }
    println!("asked {asked} times, spared {spared}");
    Ok(())
}

/// Down for a minute.
fn ask_the_peer(second: u64) -> Result<(), &'static str> {
    if (20..80).contains(&second) { Err("connection refused") } else { Ok(()) }
}
