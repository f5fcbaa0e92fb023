use evenkeel_probe::{DnsName, RecordType, fuzzing};

/// What a name server replies. The first byte says to which question, and whether the reply begins with that question: without it a
/// guessed number would be all that is ever tried.
///
/// What is found is text of a bounded length for each byte of the reply.
pub fn dns(data: &[u8]) {
    let Some((choice, reply)) = data.split_first() else { return };
    const ID: u16 = 0x2a2a;
    let name = DnsName::try_new("www.example.org").expect("a name");
    let record = RecordType::ALL[usize::from(choice & 7)];
    let mut message = reply.to_vec();
    if choice & 8 == 0 {
        // An answer to this question: the counts and what follows are the server's own.
        message = fuzzing::dns_question(ID, &name, record);
        message[2] |= 0x80;
        if let Some((counts, records)) = reply.split_first_chunk::<6>() {
            message[6..12].copy_from_slice(counts);
            message.extend_from_slice(records);
        }
    }
    let values = fuzzing::dns_reply(&message, ID, &name, record).unwrap_or_default();
    for value in &values {
        if record != RecordType::Txt {
            assert!(value.chars().all(|char| char.is_ascii_graphic() || char == ' '), "{value:?}");
        }
        // A byte that does not print takes four characters, and a name as many bytes as it says; a record names one or two.
        assert!(value.len() <= 4 * message.len() + 64, "{} bytes of text", value.len());
    }
    assert!(values.len() <= message.len() / 11, "{} records", values.len());
}
