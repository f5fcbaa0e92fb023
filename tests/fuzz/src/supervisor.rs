use std::time::Duration;

use evenkeel_supervisord::{Channel, Client};

use crate::peer::answered;

const DEADLINE: Duration = Duration::from_secs(2);

/// What supervisord, or whoever has its socket, answers: HTTP with XML-RPC in it, or the XML alone. The first byte says to which
/// question.
///
/// Every answer becomes a result or an error in words, however deep it is nested.
pub fn supervisor(data: &[u8]) {
    let Some((question, answer)) = data.split_first() else { return };
    let framed;
    let answer = if answer.starts_with(b"HTTP/") {
        answer
    } else {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        framed = [head.as_bytes(), answer].concat();
        &framed
    };
    answered(&[answer], async |socket| {
        let client = Client::new(socket);
        let error = match question % 6 {
            0 => client.programs(DEADLINE).await.err(),
            1 => client.program("web", DEADLINE).await.err(),
            2 => client.expected_exits(DEADLINE).await.err(),
            3 => client.daemon_pid(DEADLINE).await.err(),
            4 => client.logs("web", DEADLINE).await.err(),
            _ => client.log_tail("web", Channel::Stdout, 100, DEADLINE).await.err(),
        };
        if let Some(error) = error {
            assert!(!error.to_string().is_empty(), "an error without words");
        }
    });
}
