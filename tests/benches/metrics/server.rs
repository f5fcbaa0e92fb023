//! Who is asked: the agent, the Pushgateway with the agent's series, and bytes from memory.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use evenkeel_tests::{Agent, Daemon, LONG, Scratch, free_port, get, until};

use crate::client::series;

pub(crate) const PUSHGATEWAY: &str = "prometheus-pushgateway";
/// Series that one check has, less the part that an agent has without any.
const SERIES_OF_A_CHECK: usize = 35;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    OpenMetrics,
    Text,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenMetrics => "OpenMetrics",
            Self::Text => "text",
        }
    }

    pub(crate) fn accept(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            Self::Text => "text/plain;version=0.0.4",
        }
    }
}

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) is_ours: bool,
    pub(crate) is_bare: bool,
    runs: Runs,
}

/// What ends with the server.
enum Runs {
    /// With the port that its checks look at.
    Agent {
        agent: Box<Agent>,
        _there: TcpListener,
    },
    Daemon(Daemon),
    Thread,
}

impl Server {
    /// An agent with as many checks as make `wanted` series; they look at a port that is there, once in a long while.
    pub(crate) fn agent(scratch: &Scratch, wanted: usize) -> Self {
        let there = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = there.local_addr().expect("an address");
        let mut settings = String::new();
        for check in 0..wanted.div_ceil(SERIES_OF_A_CHECK) {
            write!(
                settings,
                "[check.endpoint-{check}]\ntcp = {{ address = \"{address}\" }}\ninterval = \"1h\"\n"
            )
            .expect("a string takes everything");
        }
        let agent = Agent::start(scratch, &settings);
        let address = agent.address();
        let runs = Runs::Agent { agent: Box::new(agent), _there: there };
        let server = Self { name: "evenkeel run", address, is_ours: true, is_bare: false, runs };
        let there = series(&server.page());
        assert!(there >= wanted, "{there} series are too few");
        server
    }

    /// The Pushgateway, which shows what was pushed to it; `None`, said aloud, where it is not installed.
    pub(crate) fn pushgateway(scratch: &Scratch, page: &str) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(PUSHGATEWAY).is_file()) {
            eprintln!("{PUSHGATEWAY} is not installed and not measured");
            return None;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let flags = [format!("--web.listen-address={address}")];
        let log = scratch.join("pushgateway.log");
        let daemon = Daemon::start(PUSHGATEWAY, PUSHGATEWAY, flags, &log);
        until("the Pushgateway is ready", LONG, || {
            get(address, "/-/ready").is_ok_and(|answer| answer.status == 200)
        });
        push(address, page);
        let runs = Runs::Daemon(daemon);
        Some(Self { name: "Pushgateway", address, is_ours: false, is_bare: false, runs })
    }

    /// A thread that writes the same bytes to whoever asks: nobody can serve them sooner.
    pub(crate) fn bare(page: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        // Ends with the program.
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                serve_bare(stream, &page);
            }
        });
        Self {
            name: "bytes from memory",
            address,
            is_ours: false,
            is_bare: true,
            runs: Runs::Thread,
        }
    }

    pub(crate) fn formats(&self) -> &'static [Format] {
        if self.is_ours { &[Format::OpenMetrics, Format::Text] } else { &[Format::Text] }
    }

    pub(crate) fn page(&self) -> String {
        get(self.address, "/metrics").expect("it answers").body
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.runs {
            Runs::Agent { agent, .. } => Some(agent.daemon.pid()),
            Runs::Daemon(daemon) => Some(daemon.pid()),
            Runs::Thread => None,
        }
    }
}

fn push(address: SocketAddr, page: &str) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "PUT /metrics/job/bench HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(page.as_bytes()).expect("it reads");
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).expect("it answers");
    assert!(status.contains(" 200 "), "{status}");
    let there = series(&get(address, "/metrics").expect("it answers").body);
    assert!(there >= series(page), "{there} series of {}", series(page));
}

fn serve_bare(stream: TcpStream, page: &str) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line == "\r\n" => {
                let stream = lines.get_mut();
                let written = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(page.as_bytes()));
                if written.is_err() {
                    return;
                }
            }
            Ok(_) => {}
        }
    }
}
