//! What a certificate says about itself: until when it is valid, and whose it is.
//!
//! Only the way to these two is read (RFC 5280, section 4.1); whether a certificate is good is for the TLS library to say. What is
//! not as it should be is `None`, as this is read before the certificate is trusted.

use std::fmt::Write;

use evenkeel_shown::excerpt;

/// How much of a subject is kept.
const SUBJECT_CHARS: usize = 256;

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// What a certificate says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The last second it is valid, in seconds of Unix time.
    pub(crate) not_after: i64,
    /// Whose it is, as `CN=example.org, O=Example`; empty if only its alternative names say so.
    pub(crate) subject: String,
}

impl Certificate {
    /// Reads one in DER.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).expect(SEQUENCE)?);
        let mut body = Der(certificate.expect(SEQUENCE)?);
        body.skip_if(VERSION)?;
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?; // Signature algorithm.
        body.expect(SEQUENCE)?; // Issuer.
        let mut validity = Der(body.expect(SEQUENCE)?);
        validity.element()?;
        let (tag, not_after) = validity.element()?;
        let subject = subject(Der(body.expect(SEQUENCE)?));
        Some(Self {
            not_after: seconds(tag, not_after)?,
            subject: excerpt(&subject, SUBJECT_CHARS),
        })
    }
}

/// Elements one after another, each a tag, a length and a content.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Three bytes of length are 16 MiB: more than a handshake can carry.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.element().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }

    fn skip_if(&mut self, tag: u8) -> Option<()> {
        if self.0.first() == Some(&tag) { self.expect(tag).map(|_| ()) } else { Some(()) }
    }
}

/// The parts of a name that people know, in their order.
fn subject(mut name: Der<'_>) -> String {
    let mut said = String::new();
    while let Some(set) = name.expect(SET) {
        let mut set = Der(set);
        while let Some(pair) = set.expect(SEQUENCE) {
            let mut pair = Der(pair);
            let Some((word, (tag, value))) =
                pair.expect(OBJECT_ID).and_then(word).zip(pair.element())
            else {
                continue;
            };
            let separator = if said.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(said, "{separator}{word}={}", text(tag, value));
        }
    }
    said
}

fn word(object_id: &[u8]) -> Option<&'static str> {
    // All of these are below 2.5.4.
    let [0x55, 0x04, number] = object_id else { return None };
    Some(match number {
        3 => "CN",
        6 => "C",
        7 => "L",
        8 => "ST",
        10 => "O",
        11 => "OU",
        _ => return None,
    })
}

fn text(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units: Vec<_> =
            value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value).into_owned()
}

/// Seconds of Unix time. Source: RFC 5280, section 4.1.2.5: always with seconds, always in UTC.
fn seconds(tag: u8, time: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(time.strip_suffix(b"Z")?).ok()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = digits[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let part = |from: usize| rest[from..from + 2].parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    let sane = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    sane.then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01, in the calendar of today. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that a leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn made(year: i32, names: &[(DnType, DnValue)]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 2, 28);
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_and_the_subject_are_read_from_real_certificates() {
        let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
        for (year, end) in [
            (2024, 1_709_078_400),
            (1999, 920_160_000),
            (2049, 2_498_083_200),
            (2050, 2_529_619_200),
        ] {
            let names = [
                (DnType::CommonName, utf8("例.example\n")),
                (DnType::OrganizationName, utf8("Ex")),
            ];
            let certificate = Certificate::read(&made(year, &names)).unwrap();
            assert_eq!(certificate.not_after, end, "{year}");
            assert_eq!(certificate.subject, "CN=例.example\\n, O=Ex");
        }
        assert_eq!(Certificate::read(&made(2024, &[])).unwrap().subject, "");
    }

    #[test]
    fn a_subject_of_any_length_is_cut() {
        let long = [(DnType::CommonName, DnValue::Utf8String("x".repeat(5_000)))];
        let certificate = Certificate::read(&made(2024, &long)).unwrap();
        assert!(certificate.subject.chars().count() <= SUBJECT_CHARS + 1);
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        for (date, expected) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2100, 3, 1), 47_541),
            ((9999, 12, 31), 2_932_896),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn a_certificate_that_was_cut_or_changed_anywhere_is_read_or_not_and_never_panics() {
        let der = made(2024, &[(DnType::CommonName, DnValue::Utf8String("x".to_owned()))]);
        for end in 0..der.len() {
            assert_eq!(Certificate::read(&der[..end]), None);
        }
        for place in 0..der.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[place] = byte;
                let _ = Certificate::read(&changed);
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_certificate(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Certificate::read(&bytes), None);
        }

        #[test]
        fn a_later_date_has_more_days(year in 0..9_999i64, month in 1..=12i64, day in 1..=27i64) {
            prop_assert_eq!(days(year, month, day + 1), days(year, month, day) + 1);
            prop_assert!(days(year + 1, month, day) - days(year, month, day) >= 365);
        }
    }
}
