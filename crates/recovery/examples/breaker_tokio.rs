//! Tasks of tokio that share a breaker. The peer accepts and never answers, then is well again.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::{BreakerState, Config, Draft, Rejected, SharedBreaker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// The clock of the program, which a breaker never reads by itself.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Moment {
        Moment::since_origin(self.0.elapsed())
    }
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("refused without asking")]
    Refused(#[source] Rejected),
    #[error("no answer in time")]
    TimedOut,
    #[error("cannot talk to the peer")]
    Io(#[source] io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = Clock(Instant::now());
    let draft = Draft {
        request_volume_threshold: 4,
        reset_timeout: Duration::from_millis(200),
        ..Draft::default()
    };
    let breaker = Arc::new(SharedBreaker::new(Config::try_new(draft)?, clock.now()));
    let well = Arc::new(AtomicBool::new(false));
    let address = start_peer(Arc::clone(&well)).await?;

    // Four at once time out, and open it.
    let calls: Vec<_> =
        (0..4).map(|_| tokio::spawn(call(Arc::clone(&breaker), clock, address))).collect();
    for outcome in calls {
        println!("{:?}", outcome.await?);
    }
    match call(Arc::clone(&breaker), clock, address).await {
        Err(CallError::Refused(rejected)) => {
            println!("refused without asking, {rejected:?}");
            well.store(true, Ordering::Relaxed);
            sleep(rejected.retry_after.unwrap_or_default()).await;
        }
        other => return Err(format!("it should be open: {other:?}").into()),
    }
    println!("the trial: {:?}", call(Arc::clone(&breaker), clock, address).await);
    assert_eq!(breaker.state(clock.now()), BreakerState::Closed);
    Ok(())
}

/// One call. If the task is cancelled, the permit is dropped and the peer is not blamed.
async fn call(
    breaker: Arc<SharedBreaker>,
    clock: Clock,
    address: SocketAddr,
) -> Result<u8, CallError> {
    let permit = breaker.try_acquire(clock.now()).map_err(CallError::Refused)?;
    // The timeout drops the call, and with it the socket: nothing goes on behind the breaker's back.
    let outcome = match timeout(Duration::from_millis(100), ask(address)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(CallError::Io(error)),
        Err(_) => Err(CallError::TimedOut),
    };
    match &outcome {
        Ok(_) => permit.success(clock.now()),
        Err(_) => permit.failure(clock.now()),
    };
    outcome
}

async fn ask(address: SocketAddr) -> io::Result<u8> {
    TcpStream::connect(address).await?.read_u8().await
}

async fn start_peer(well: Arc<AtomicBool>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if well.load(Ordering::Relaxed) {
                let _ = stream.write_u8(42).await;
            } else {
                held.push(stream);
            }
        }
    });
    Ok(address)
}
