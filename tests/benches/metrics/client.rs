//! A scraper that keeps its connection, as Prometheus does.

use std::time::Duration;

use evenkeel_tests::{Connection, cpu_time};

use crate::server::{Format, Server};

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) is_bare: bool,
    /// Of the last answer.
    pub(crate) bytes: usize,
    pub(crate) series: usize,
    /// Processor time of the server for the pages of this client.
    pub(crate) cpu: Duration,
    pid: Option<u32>,
    accept: String,
    connection: Connection,
}

impl Client {
    pub(crate) fn connect(server: &Server, format: Format) -> Self {
        let mut client = Self {
            name: format!("{}, {}", server.name, format.name()),
            is_ours: server.is_ours,
            is_bare: server.is_bare,
            bytes: 0,
            series: 0,
            cpu: Duration::ZERO,
            pid: server.pid(),
            accept: format!("Accept: {}\r\n", format.accept()),
            connection: Connection::open(server.address),
        };
        client.scrape();
        client.series = series(&String::from_utf8_lossy(client.connection.body()));
        client.cpu = Duration::ZERO;
        client
    }

    /// Asks for the page and reads all of it.
    pub(crate) fn scrape(&mut self) -> Duration {
        let cpu = self.pid.map(cpu_time);
        let took = self.connection.get("/metrics", &self.accept);
        if let (Some(pid), Some(before)) = (self.pid, cpu) {
            self.cpu += cpu_time(pid).saturating_sub(before);
        }
        self.bytes = self.connection.body().len();
        took
    }
}

/// How many samples a page has.
pub(crate) fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}
