//! The formats of a page, and the choice between them.

/// Format of a metrics page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4: every scraper, `promtool check metrics` and people read it.
    #[default]
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Messages `io.prometheus.client.MetricFamily`, each behind its length: the one format that has native histograms.
    Protobuf,
}

impl Format {
    /// Chooses by the `Accept` header of a request, by its weights.
    ///
    /// `OpenMetrics` must be named: wildcards and a missing header give [`Format::Text`]. [`Format::Protobuf`] must also be
    /// wanted more than either text, with a weight that is one: whoever leaves the choice to the server gets what people can
    /// read. Source: RFC 9110, section 12.5.1.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut text, mut open, mut protobuf) = (0.0_f32, 0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let range = Range::read(range);
            if range.media.eq_ignore_ascii_case("application/openmetrics-text") {
                if range.version.is_none_or(|version| version == "1.0.0") {
                    open = open.max(range.weight);
                }
            } else if range.media.eq_ignore_ascii_case("text/plain")
                || range.media == "text/*"
                || range.media == "*/*"
            {
                text = text.max(range.weight);
            } else if range.is_protobuf() && (0.0..=1.0).contains(&range.weight) {
                protobuf = protobuf.max(range.weight);
            }
        }
        if protobuf > open && protobuf > text {
            Self::Protobuf
        } else if open > 0.0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// Value of the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// One of the ranges of an `Accept` header, as far as a page of metrics is concerned.
struct Range<'a> {
    media: &'a str,
    weight: f32,
    version: Option<&'a str>,
    /// Which message, and how one follows the other: there are others than ours, under the same name.
    proto: Option<&'a str>,
    encoding: Option<&'a str>,
}

impl<'a> Range<'a> {
    fn read(range: &'a str) -> Self {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut range = Self { media, weight: 1.0, version: None, proto: None, encoding: None };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let (key, value) = (key.trim(), value.trim());
            let is = |wanted: &str| key.eq_ignore_ascii_case(wanted);
            if is("q") {
                range.weight = value.parse().unwrap_or(0.0);
                continue;
            }
            let value = Some(value.trim_matches('"'));
            if is("version") {
                range.version = value;
            } else if is("proto") {
                range.proto = value;
            } else if is("encoding") {
                range.encoding = value;
            }
        }
        range
    }

    fn is_protobuf(&self) -> bool {
        self.media.eq_ignore_ascii_case("application/vnd.google.protobuf")
            && self.proto == Some("io.prometheus.client.MetricFamily")
            && self.encoding == Some("delimited")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Format) {
        assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
    }

    #[test]
    fn prometheus_gets_openmetrics() {
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        );
        check(
            "application/openmetrics-text; version=\"1.0.0\"; escaping=allow-utf-8; q=0.5, */*;q=0.4",
            Format::OpenMetrics,
        );
        check("Application/OpenMetrics-Text", Format::OpenMetrics);
    }

    #[test]
    fn people_and_older_scrapers_get_plain_text() {
        assert_eq!(Format::negotiate(None), Format::Text);
        check("", Format::Text);
        check("*/*", Format::Text);
        check("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text);
        check("application/openmetrics-text;version=0.0.1", Format::Text);
        check("application/openmetrics-text;q=0.3,text/plain;q=0.5", Format::Text);
        check("application/openmetrics-text;q=0", Format::Text);
        check("application/openmetrics-text;q=rubbish", Format::Text);
    }

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn whoever_wants_protobuf_most_gets_it() {
        // Prometheus 2.42 with native histograms, a later one, Prometheus 3, and Telegraf.
        for (own, others) in [
            (
                "",
                "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ),
            (
                ";q=0.6",
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            (
                ";escaping=allow-utf-8;q=0.7",
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
            ),
            (";q=0.7", "text/plain;version=0.0.4;q=0.3"),
        ] {
            check(&format!("{PROTOBUF}{own},{others}"), Format::Protobuf);
            check(&format!("{others} , {PROTOBUF}{own}"), Format::Protobuf);
        }
        check(PROTOBUF, Format::Protobuf);
        check(
            "Application/Vnd.Google.Protobuf; Encoding=\"delimited\"; q=1.0; Proto=\"io.prometheus.client.MetricFamily\"",
            Format::Protobuf,
        );
    }

    #[test]
    fn whoever_does_not_want_it_most_gets_what_they_got() {
        for (own, others, expected) in [
            // Only named, or left to the server.
            (";q=0.4", "application/openmetrics-text;q=0.5,*/*;q=0.1", Format::OpenMetrics),
            ("", "application/openmetrics-text", Format::OpenMetrics),
            ("", "*/*", Format::Text),
            (";q=0.5", "text/*;q=0.5", Format::Text),
            (";q=0.5", "text/plain", Format::Text),
            // Refused, or with a weight that is none.
            (";q=0", "", Format::Text),
            (";q=0", "application/openmetrics-text;q=0.1", Format::OpenMetrics),
            (";q=1.1", "", Format::Text),
            (";q=-1", "", Format::Text),
            (";q=inf", "application/openmetrics-text;q=0.1", Format::OpenMetrics),
            (";q=NaN", "", Format::Text),
            (";q=", "", Format::Text),
            (";q=0x1", "", Format::Text),
        ] {
            check(&format!("{PROTOBUF}{own},{others}"), expected);
        }
        for other in [
            "application/vnd.google.protobuf",
            "application/*",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            "application/vnd.google.protobuf;encoding=delimited",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
            "application/vnd.google.protobuf;proto=io.prometheus.write.v2.Request;encoding=delimited",
            "application/vnd.google.protobuf;proto=IO.PROMETHEUS.CLIENT.METRICFAMILY;encoding=delimited",
        ] {
            check(other, Format::Text);
        }
    }

    /// Parts of headers that mean something, put together by chance, and anything at all.
    fn hostile() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            8 => select(vec![
                PROTOBUF, "application/openmetrics-text", "text/plain", "text/*", "*/*", ",", ";", "=", " ", "\"", "q", ";q=0.5",
                ";q=1", ";q=0", ";q=1e9", ";q=inf", ";q=-0", ";version=1.0.0", ";version=0.0.4", ";proto=", ";encoding=delimited",
            ]).prop_map(str::to_owned),
            1 => "\\PC{0,8}",
        ];
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn protobuf_takes_nothing_from_whoever_does_not_name_it(accept in hostile()) {
            let chosen = Format::negotiate(Some(&accept));
            let others: Vec<_> = accept.split(',').filter(|range| !Range::read(range).is_protobuf()).collect();
            let without = Format::negotiate(Some(&others.join(",")));
            prop_assert_ne!(without, Format::Protobuf);
            if chosen == Format::Protobuf {
                prop_assert!(accept.split(',').any(|range| Range::read(range).is_protobuf()));
            } else {
                prop_assert_eq!(chosen, without);
            }
        }
    }
}
