use std::net::{Ipv4Addr, SocketAddr};

use evenkeel_probe::{DnsName, DnsTarget, FailureClass, Measurement, Outcome, RecordType, Target};
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::{assert_bad, assert_good, measure, measure_shortly};

/// What a name server does with a question.
type Act = fn(Packet<'_>) -> Vec<Vec<u8>>;

/// A name server that answers over UDP as `act` says, and over TCP as `stream` says, if it does.
async fn server(act: Act, stream: Option<Act>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    if let Some(act) = stream {
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut message = vec![0; length.into()];
                stream.read_exact(&mut message).await.unwrap();
                for reply in act(Packet::parse(&message).unwrap()) {
                    let length = u16::try_from(reply.len()).unwrap();
                    stream.write_all(&length.to_be_bytes()).await.unwrap();
                    stream.write_all(&reply).await.unwrap();
                }
            }
        });
    }
    tokio::spawn(async move {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message).await {
            for reply in act(Packet::parse(&message[..length]).unwrap()) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    address
}

fn answering(question: &Packet<'_>, addresses: &[[u8; 4]]) -> Packet<'static> {
    let mut reply = Packet::new_reply(question.id());
    reply.questions = question.questions.iter().map(|asked| asked.clone().into_owned()).collect();
    for address in addresses {
        reply.answers.push(ResourceRecord::new(
            Name::new_unchecked("db.example"),
            CLASS::IN,
            60,
            RData::A(A::from(Ipv4Addr::from(*address))),
        ));
    }
    reply
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

fn target(server: SocketAddr) -> DnsTarget {
    let mut target = DnsTarget::new(DnsName::try_new("db.example").unwrap());
    target.server = Some(server);
    target
}

async fn ask(act: Act, stream: Option<Act>) -> Measurement {
    measure(Target::Dns(target(server(act, stream).await))).await
}

#[tokio::test]
async fn the_answers_of_a_server_are_facts_and_compared() {
    let address =
        server(|asked| vec![bytes(&answering(&asked, &[[10, 0, 0, 9], [10, 0, 0, 5]]))], None)
            .await;
    let mut dns = target(address);
    dns.expect = vec!["10.0.0.5".to_owned()];
    let measurement = measure(Target::Dns(dns.clone())).await;
    assert_good(&measurement, &Target::Dns(dns.clone()));
    assert_eq!(measurement.facts.text("answer"), Some("10.0.0.5, 10.0.0.9"));
    assert_eq!(measurement.facts.number("answers"), Some(2.0));
    dns.expect = vec!["10.0.0.6".to_owned()];
    assert_bad(&measure(Target::Dns(dns)).await, FailureClass::Body);
}

#[tokio::test]
async fn a_name_that_is_not_there_is_a_dns_failure_and_says_why() {
    fn code(asked: &Packet<'_>, code: RCODE) -> Vec<Vec<u8>> {
        let mut reply = answering(asked, &[]);
        *reply.rcode_mut() = code;
        vec![bytes(&reply)]
    }
    let cases: [(Act, &str); 3] = [
        (|asked| code(&asked, RCODE::NameError), "NXDOMAIN"),
        (|asked| code(&asked, RCODE::ServerFailure), "SERVFAIL"),
        (|asked| code(&asked, RCODE::NoError), "has no A record"),
    ];
    for (act, said) in cases {
        let measurement = ask(act, None).await;
        assert_bad(&measurement, FailureClass::Dns);
        let detail = &measurement.outcome.failure().unwrap().detail;
        assert!(detail.contains(said), "{detail}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_times_out_and_one_that_is_not_there_is_refused() {
    let silent = Target::Dns(target(server(|_| vec![], None).await));
    assert_bad(&measure_shortly(silent).await, FailureClass::Timeout);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let gone = Target::Dns(target(socket.local_addr().unwrap()));
    drop(socket);
    assert_bad(&measure(gone).await, FailureClass::Refused);
}

#[tokio::test]
async fn replies_to_other_questions_are_left_aside() {
    fn forged(asked: &Packet<'_>) -> Vec<Vec<u8>> {
        let mut other = answering(asked, &[[6, 6, 6, 6]]);
        other.set_id(asked.id().wrapping_add(1));
        let mut renamed = answering(asked, &[[6, 6, 6, 6]]);
        renamed.questions[0].qname = Name::new_unchecked("evil.example");
        vec![bytes(&other), bytes(&renamed), b"x".to_vec(), vec![]]
    }
    let only_forged = Target::Dns(target(server(|asked| forged(&asked), None).await));
    assert_bad(&measure_shortly(only_forged).await, FailureClass::Timeout);
    let then_right: Act = |asked| {
        let mut replies = forged(&asked);
        replies.push(bytes(&answering(&asked, &[[10, 0, 0, 5]])));
        replies
    };
    let measurement = ask(then_right, None).await;
    assert_eq!(measurement.facts.text("answer"), Some("10.0.0.5"));
    assert_eq!(measurement.outcome, Outcome::Good);
}

#[tokio::test]
async fn a_reply_that_does_not_fit_is_asked_for_again_over_tcp() {
    let truncated: Act = |asked| {
        let mut reply = answering(&asked, &[]);
        reply.set_flags(PacketFlag::TRUNCATION);
        vec![bytes(&reply)]
    };
    let whole: Act = |asked| {
        let addresses: Vec<_> = (0..200).map(|last| [10, 0, 0, last]).collect();
        vec![bytes(&answering(&asked, &addresses))]
    };
    let measurement = ask(truncated, Some(whole)).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.number("answers"), Some(200.0));
    assert_bad(&ask(truncated, None).await, FailureClass::Refused);
    assert_bad(&ask(truncated, Some(truncated)).await, FailureClass::Body);
    assert_bad(&ask(truncated, Some(|_| vec![vec![0; 40]])).await, FailureClass::Body);
    assert_bad(&ask(truncated, Some(|_| vec![])).await, FailureClass::Body);
}

#[tokio::test]
async fn a_reply_that_begins_right_and_goes_on_as_garbage_is_a_bad_body() {
    let garbage: Act = |asked| {
        let mut reply = bytes(&answering(&asked, &[[10, 0, 0, 5]]));
        let end = reply.len() - 6;
        reply.truncate(end);
        vec![reply]
    };
    assert_bad(&ask(garbage, None).await, FailureClass::Body);
}

#[tokio::test]
async fn the_hosts_own_resolver_knows_its_files() {
    let mut localhost = DnsTarget::new(DnsName::try_new("localhost").unwrap());
    localhost.expect = vec!["127.0.0.1".to_owned()];
    let target = Target::Dns(localhost.clone());
    assert_good(&measure(target.clone()).await, &target);
    localhost.record = RecordType::A;
    localhost.name = DnsName::try_new("no-such-host.invalid").unwrap();
    assert_bad(&measure(Target::Dns(localhost)).await, FailureClass::Dns);
}
