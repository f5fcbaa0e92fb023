//! The two text formats, and the choice between them.

/// Text format of a metrics page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4: every scraper, `promtool check metrics` and people read it.
    #[default]
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Chooses by the `Accept` header of a request, by its weights.
    ///
    /// `OpenMetrics` must be named: wildcards and a missing header give [`Format::Text`]. Source: RFC 9110, section 12.5.1.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut text, mut open) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let (mut weight, mut version) = (1.0_f32, None);
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.trim() {
                    key if key.eq_ignore_ascii_case("q") => {
                        weight = value.trim().parse().unwrap_or(0.0);
                    }
                    key if key.eq_ignore_ascii_case("version") => {
                        version = Some(value.trim().trim_matches('"'));
                    }
                    _ => {}
                }
            }
            if media.eq_ignore_ascii_case("application/openmetrics-text") {
                if version.is_none_or(|version| version == "1.0.0") {
                    open = open.max(weight);
                }
            } else if media.eq_ignore_ascii_case("text/plain")
                || media == "text/*"
                || media == "*/*"
            {
                text = text.max(weight);
            }
        }
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// Value of the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
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
}
