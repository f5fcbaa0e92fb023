//! Messages of `io.prometheus.client`, each behind its length, as bytes: those about one histogram in two parts are made one.
//!
//! `prometheus-client` writes messages and takes none back, so this reads what it wrote: a few lines in the place of `prost`
//! among the dependencies of what ships. Source: its `metrics.proto`, and <https://protobuf.dev/programming-guides/encoding/>.

/// Numbers of fields in `metrics.proto`.
mod field {
    pub(super) const FAMILY_NAME: u64 = 1;
    pub(super) const FAMILY_METRIC: u64 = 4;
    pub(super) const METRIC_HISTOGRAM: u64 = 7;
    pub(super) const HISTOGRAM_BUCKET: u64 = 3;
}

/// A field of a message, or a message of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part<'a> {
    /// Number of the field; 0 for a message of a page.
    number: u64,
    /// With its key and its length.
    whole: &'a [u8],
    /// What has a length, without it; empty for plain numbers.
    inner: &'a [u8],
}

/// The page with the families of `pairs` in the place of those of the same name. They have two metrics for each series, the
/// classic histogram and then the native one; what is put in is one of both.
///
/// `None` if either is no page, which nothing that the encoder wrote is.
pub(crate) fn joined(page: &[u8], pairs: &[u8]) -> Option<Vec<u8>> {
    let pairs: Vec<_> =
        messages(pairs).map(|family| Some((name(family?)?, family?))).collect::<Option<_>>()?;
    let mut joined = Vec::with_capacity(page.len() + page.len() / 8);
    for family in messages(page) {
        let family = family?;
        let named = name(family)?;
        match pairs.iter().find(|(name, _)| *name == named) {
            Some((_, pairs)) => put(&mut joined, &family_of_pairs(pairs.inner)?),
            None => joined.extend_from_slice(family.whole),
        }
    }
    Some(joined)
}

fn name(family: Part<'_>) -> Option<&[u8]> {
    first(family.inner, field::FAMILY_NAME).map(|name| name.inner)
}

fn family_of_pairs(pairs: &[u8]) -> Option<Vec<u8>> {
    let mut family = Vec::with_capacity(pairs.len());
    let mut classic = None;
    for part in fields(pairs) {
        let part = part?;
        match (part.number == field::FAMILY_METRIC, classic.take()) {
            (false, _) => family.extend_from_slice(part.whole),
            (true, None) => classic = Some(part),
            (true, Some(classic)) => {
                put_key(&mut family, field::FAMILY_METRIC);
                put(&mut family, &metric_of_pair(classic.inner, part.inner)?);
            }
        }
    }
    Some(family)
}

/// The native metric, with the buckets of the classic one.
fn metric_of_pair(classic: &[u8], native: &[u8]) -> Option<Vec<u8>> {
    let classic = first(classic, field::METRIC_HISTOGRAM)?.inner;
    let mut metric = Vec::with_capacity(native.len() + classic.len());
    for part in fields(native) {
        let part = part?;
        if part.number != field::METRIC_HISTOGRAM {
            metric.extend_from_slice(part.whole);
            continue;
        }
        let mut histogram = Vec::with_capacity(part.inner.len() + classic.len());
        for bucket in fields(classic) {
            let bucket = bucket?;
            if bucket.number == field::HISTOGRAM_BUCKET {
                histogram.extend_from_slice(bucket.whole);
            }
        }
        histogram.extend_from_slice(part.inner);
        put_key(&mut metric, field::METRIC_HISTOGRAM);
        put(&mut metric, &histogram);
    }
    Some(metric)
}

fn first(message: &[u8], number: u64) -> Option<Part<'_>> {
    fields(message).map_while(|part| part).find(|part| part.number == number)
}

/// The messages of a page; `None`, and no more, where it is none.
fn messages(page: &[u8]) -> impl Iterator<Item = Option<Part<'_>>> {
    parts(page, |rest| {
        let (inner, after) = with_length(rest)?;
        Some((Part { number: 0, whole: &rest[..rest.len() - after.len()], inner }, after))
    })
}

/// The fields of a message; `None`, and no more, where it is none.
fn fields(message: &[u8]) -> impl Iterator<Item = Option<Part<'_>>> {
    parts(message, |rest| {
        let (key, behind) = varint(rest)?;
        let (inner, after) = match key & 7 {
            0 => (&[][..], varint(behind)?.1),
            1 => (&[][..], behind.get(8..)?),
            2 => with_length(behind)?,
            5 => (&[][..], behind.get(4..)?),
            _ => return None,
        };
        Some((Part { number: key >> 3, whole: &rest[..rest.len() - after.len()], inner }, after))
    })
}

fn parts<'a>(
    mut rest: &'a [u8],
    read: impl Fn(&'a [u8]) -> Option<(Part<'a>, &'a [u8])>,
) -> impl Iterator<Item = Option<Part<'a>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((part, after)) = read(rest) else {
            rest = &[];
            return Some(None);
        };
        rest = after;
        Some(Some(part))
    })
}

fn with_length(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, behind) = varint(bytes)?;
    behind.split_at_checked(usize::try_from(length).ok()?)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at(end + 1);
    let number = number.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((number, rest))
}

/// The key of a field that has a length.
fn put_key(message: &mut Vec<u8>, number: u64) {
    put_varint(message, number << 3 | 2);
}

fn put(message: &mut Vec<u8>, inner: &[u8]) {
    put_varint(message, inner.len() as u64);
    message.extend_from_slice(inner);
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        message.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    message.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, inner) in fields {
            put_key(&mut message, *number);
            put(&mut message, inner);
        }
        message
    }

    fn page(families: &[Vec<u8>]) -> Vec<u8> {
        let mut page = Vec::new();
        for family in families {
            put(&mut page, family);
        }
        page
    }

    #[test]
    fn a_native_histogram_gets_the_buckets_of_the_classic_one_before_it() {
        // A count (field 1) of 300, and a schema (field 5) of 3.
        let (count, schema) = (&[0x08, 0xac, 0x02][..], &[0x28, 0x06][..]);
        let classic = [count, &message(&[(3, b"first"), (3, b"second")])].concat();
        let native = [count, schema].concat();
        let metric = |histogram: &[u8]| message(&[(1, b"label"), (7, histogram)]);
        let others = message(&[(1, b"other"), (4, b"whatever")]);
        let both = [message(&[(3, b"first"), (3, b"second")]), native.clone()].concat();
        let family = |metrics: &[Vec<u8>]| {
            let metrics: Vec<_> = metrics.iter().map(|metric| (4, metric.as_slice())).collect();
            [message(&[(1, b"name"), (2, b"help")]), message(&metrics)].concat()
        };
        assert_eq!(
            joined(
                &page(&[others.clone(), family(&[metric(&classic)]), others.clone()]),
                &page(&[family(&[metric(&classic), metric(&native)])]),
            ),
            Some(page(&[others.clone(), family(&[metric(&both)]), others])),
        );
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number: u64, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            bytes.extend_from_slice(&behind);
            prop_assert_eq!(varint(&bytes), Some((number, behind.as_slice())));
        }

        #[test]
        fn bytes_of_chance_are_refused_or_left_as_they_are(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(same) = joined(&bytes, &[]) {
                prop_assert_eq!(same, bytes.clone());
            }
            let _ = joined(&page(&[message(&[(1, b"x")])]), &page(&[message(&[(1, b"x"), (4, &bytes), (4, &bytes)])]));
            let _ = joined(&bytes, &bytes);
        }
    }
}
