use proptest::prelude::*;
use simple_dns::rdata::{A, AAAA, CNAME, MX, RData, SRV, TXT};
use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

use super::*;

fn name(text: &str) -> DnsName {
    DnsName::try_new(text).unwrap()
}

/// A reply as another implementation has it.
fn built(
    kind: TYPE,
    asked: &'static str,
    answers: &[(&'static str, RData<'static>)],
) -> Packet<'static> {
    let mut packet = Packet::new_reply(7);
    packet.questions.push(Question::new(
        Name::new_unchecked(asked),
        QTYPE::TYPE(kind),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    for (owner, data) in answers {
        let owner = Name::new_unchecked(owner);
        packet.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data.clone()));
    }
    packet
}

fn address(text: &str) -> RData<'static> {
    RData::A(A::from(text.parse::<Ipv4Addr>().unwrap()))
}

#[track_caller]
fn check(
    kind: TYPE,
    record: RecordType,
    answers: &[(&'static str, RData<'static>)],
    expected: &[&str],
) {
    let packet = built(kind, "Example.org", answers);
    for message in [packet.build_bytes_vec(), packet.build_bytes_vec_compressed()] {
        let found = reply(&message.unwrap(), 7, &name("example.org"), record).unwrap();
        assert_eq!((found.code, found.truncated), (0, false));
        assert_eq!(found.values, expected);
    }
}

#[test]
fn a_question_is_what_another_implementation_reads() {
    for record in RecordType::ALL {
        let message = question(513, &name("_sip._tcp.example.org"), record);
        let packet = Packet::parse(&message).unwrap();
        assert_eq!(packet.id(), 513);
        assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
        let [asked] = packet.questions.as_slice() else { panic!("{packet:?}") };
        assert_eq!(asked.qname.to_string(), "_sip._tcp.example.org");
        assert_eq!(u16::from(asked.qtype), number(record));
    }
}

#[test]
fn values_of_each_type_are_read() {
    let host = Name::new_unchecked;
    let two = [("example.org", address("192.0.2.1")), ("example.org", address("192.0.2.2"))];
    check(TYPE::A, RecordType::A, &two, &["192.0.2.1", "192.0.2.2"]);
    let v6 = RData::AAAA(AAAA::from("2001:db8::1".parse::<Ipv6Addr>().unwrap()));
    check(TYPE::AAAA, RecordType::Aaaa, &[("example.org", v6)], &["2001:db8::1"]);
    let alias = RData::CNAME(CNAME(host("WWW.example.org")));
    check(TYPE::CNAME, RecordType::Cname, &[("example.org", alias.clone())], &["www.example.org"]);
    let mx = RData::MX(MX { preference: 10, exchange: host("mail.example.org") });
    check(TYPE::MX, RecordType::Mx, &[("example.org", mx)], &["10 mail.example.org"]);
    let srv = SRV { priority: 1, weight: 2, port: 5060, target: host("sip.example.org") };
    let expected = ["1 2 5060 sip.example.org"];
    check(TYPE::SRV, RecordType::Srv, &[("example.org", RData::SRV(srv))], &expected);
    let txt = TXT::new().with_string("v=spf1 ").unwrap().with_string("-all").unwrap();
    check(TYPE::TXT, RecordType::Txt, &[("example.org", RData::TXT(txt))], &["v=spf1 -all"]);
    // An alias on the way is no answer to a question for addresses.
    let chain = [("example.org", alias), ("www.example.org", address("192.0.2.3"))];
    check(TYPE::A, RecordType::A, &chain, &["192.0.2.3"]);
    check(TYPE::A, RecordType::A, &[], &[]);
}

#[test]
fn what_answers_another_question_is_stray() {
    let message = built(TYPE::A, "example.org", &[]).build_bytes_vec().unwrap();
    let read = |id, asked, record| reply(&message, id, &name(asked), record);
    assert_eq!(read(8, "example.org", RecordType::A), Err(ReplyError::Stray));
    assert_eq!(read(7, "example.com", RecordType::A), Err(ReplyError::Stray));
    assert_eq!(read(7, "example.org", RecordType::Aaaa), Err(ReplyError::Stray));
    let echo = question(7, &name("example.org"), RecordType::A);
    assert_eq!(reply(&echo, 7, &name("example.org"), RecordType::A), Err(ReplyError::Stray));
}

#[test]
fn codes_and_truncation_are_read() {
    let mut packet = built(TYPE::A, "example.org", &[]);
    *packet.rcode_mut() = RCODE::NameError;
    let message = packet.build_bytes_vec().unwrap();
    assert_eq!(reply(&message, 7, &name("example.org"), RecordType::A).unwrap().code, 3);
    let mut packet = built(TYPE::A, "example.org", &[]);
    packet.set_flags(PacketFlag::TRUNCATION);
    let message = packet.build_bytes_vec().unwrap();
    assert!(reply(&message, 7, &name("example.org"), RecordType::A).unwrap().truncated);
}

#[test]
fn names_that_point_at_themselves_or_ahead_are_malformed() {
    let asked = question(7, &name("a.example"), RecordType::Cname);
    let end = u16::try_from(asked.len()).unwrap();
    for target in [end, end + 2, end + 12, 0x3fff] {
        let mut message = asked.clone();
        message[2] |= REPLY;
        message[7] = 1;
        message.extend((0xc000 | target).to_be_bytes());
        message.extend([0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 12]);
        let read = reply(&message, 7, &name("a.example"), RecordType::Cname);
        assert_eq!(read, Err(ReplyError::Malformed), "{target}");
    }
}

#[test]
fn a_label_with_odd_bytes_is_escaped() {
    let mut shown = String::new();
    push_label(&mut shown, b"a.b\\C\x1b\xff ");
    assert_eq!(shown, "a\\.b\\\\c\\027\\255\\032");
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        tail in proptest::collection::vec(any::<u8>(), 0..120),
        counts in any::<[u8; 8]>(),
        flags in any::<[u8; 2]>(),
    ) {
        let mut message = vec![0, 7];
        message.extend(flags);
        message.extend(counts);
        message.extend(&tail);
        let _ = reply(&message, 7, &name("a"), RecordType::Txt);
        // And with the question in its place, so that the records are reached.
        for record in RecordType::ALL {
            let mut message = question(7, &name("a"), record);
            message[2] |= REPLY;
            message[6..8].copy_from_slice(&counts[..2]);
            message.extend(&tail);
            let _ = reply(&message, 7, &name("a"), record);
        }
    }

    #[test]
    fn a_reply_that_was_cut_is_no_reply(part in 0.0..1.0) {
        let packet = built(TYPE::A, "a", &[("a", address("192.0.2.1")), ("a", address("192.0.2.2"))]);
        let message = packet.build_bytes_vec().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within a short message")]
        let cut = (message.len() as f64 * part) as usize;
        prop_assert!(reply(&message[..cut], 7, &name("a"), RecordType::A).is_err());
    }
}
