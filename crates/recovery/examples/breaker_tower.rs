//! A breaker as a layer of tower: `cargo run -p evenkeel-recovery --features tower --example breaker_tower`.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::error::Error;
use std::sync::Arc;

use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::layer::BreakerLayer;
use evenkeel_recovery::breaker::{BreakerState, Config, Draft, SharedBreaker, Verdict};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let clock = move || Moment::since_origin(start.elapsed());
    let config = Config::try_new(Draft { request_volume_threshold: 3, ..Draft::default() })?;
    let breaker = Arc::new(SharedBreaker::new(config, clock()));

    // Answers the status that it is asked for. What is wrong with a request says nothing of the peer.
    let peer = service_fn(async |status: u16| Ok::<_, std::io::Error>(status));
    let judge = |result: &Result<u16, std::io::Error>| match result {
        Ok(400..500) => Verdict::Ignore,
        Ok(500..) | Err(_) => Verdict::Failure,
        Ok(_) => Verdict::Success,
    };
    let service = BreakerLayer::new(Arc::clone(&breaker), clock).judged_by(judge).layer(peer);

    for status in [200, 404, 404, 404, 503, 503, 200] {
        println!("{status}: {:?}", service.clone().oneshot(status).await);
    }
    assert_eq!(breaker.state(clock()), BreakerState::Open);
    Ok(())
}
