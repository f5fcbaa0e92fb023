//! Texts of alerts with labels and values in them: as a Go template for Prometheus, or filled in here.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::expr::Labels;
use super::go;

/// A text with places for labels and the value of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Always the same.
    Text(Cow<'static, str>),
    /// The value of a label; nothing where there is none.
    Label(&'static str),
    /// The value of the expression.
    Value(ValueFormat),
    /// One of two texts.
    IfLabel {
        /// Where there is this label,
        label: &'static str,
        /// this one,
        then: Template,
        /// else that one.
        otherwise: Template,
    },
}

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueFormat {
    /// Rounded to a whole number: `300000002`.
    Whole,
    /// A share as a percentage with four digits: `1.667%`.
    Percentage,
    /// Seconds as a time: `1h 30m 0s`.
    Duration,
}

impl Template {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { pieces: Vec::new() }
    }

    /// What it is made of.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// And then this text.
    #[must_use]
    pub fn text(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.with(Piece::Text(text.into()))
    }

    /// And then the value of a label.
    #[must_use]
    pub fn label(self, name: &'static str) -> Self {
        self.with(Piece::Label(name))
    }

    /// And then the value.
    #[must_use]
    pub fn value(self, format: ValueFormat) -> Self {
        self.with(Piece::Value(format))
    }

    /// And then one text where there is a label, and another where there is none.
    #[must_use]
    pub fn if_label(self, label: &'static str, then: Self, otherwise: Self) -> Self {
        self.with(Piece::IfLabel { label, then, otherwise })
    }

    fn with(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }

    /// For Prometheus, which fills it in itself.
    pub fn to_go(&self) -> String {
        let mut out = String::new();
        self.write_go(&mut out);
        out
    }

    fn write_go(&self, out: &mut String) {
        for piece in &self.pieces {
            let _ = match piece {
                Piece::Text(text) => {
                    out.push_str(&literal(text));
                    Ok(())
                }
                Piece::Label(name) => write!(out, "{{{{ $labels.{name} }}}}"),
                Piece::Value(format) => write!(out, "{{{{ $value | {} }}}}", format.function()),
                Piece::IfLabel { label, then, otherwise } => {
                    let _ = write!(out, "{{{{ if $labels.{label} }}}}");
                    then.write_go(out);
                    if !otherwise.pieces.is_empty() {
                        out.push_str("{{ else }}");
                        otherwise.write_go(out);
                    }
                    write!(out, "{{{{ end }}}}")
                }
            };
        }
    }

    /// What Prometheus makes of it for an element of these labels and this value.
    pub fn fill(&self, labels: &Labels, value: f64) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Label(name) => out.push_str(labels.get(name)),
                Piece::Value(format) => out.push_str(&format.show(value)),
                Piece::IfLabel { label, then, otherwise } => {
                    let shown = if labels.get(label).is_empty() { otherwise } else { then };
                    out.push_str(&shown.fill(labels, value));
                }
            }
        }
        out
    }
}

impl From<&'static str> for Template {
    fn from(text: &'static str) -> Self {
        Self::new().text(text)
    }
}

impl ValueFormat {
    /// The function of Prometheus's templates.
    const fn function(self) -> &'static str {
        match self {
            Self::Whole => "printf \"%.0f\"",
            Self::Percentage => "humanizePercentage",
            Self::Duration => "humanizeDuration",
        }
    }

    /// What that function gives.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Whole => go::whole(value),
            Self::Percentage => go::percentage(value),
            Self::Duration => go::duration(value),
        }
    }
}

/// `text` as a Go template that gives just this text.
///
/// Every `{` is written as a string of its own: two of them would begin an action, and one before an action would be part of it.
pub(super) fn literal(text: &str) -> Cow<'_, str> {
    if text.contains('{') { text.replace('{', "{{ \"{\" }}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_as_prometheus_has_it_and_is_filled_in_as_prometheus_does() {
        let template = Template::new()
            .if_label("instance", Template::new().label("instance"), "nobody".into())
            .text(" uses ")
            .value(ValueFormat::Whole)
            .text(" bytes");
        assert_eq!(
            template.to_go(),
            "{{ if $labels.instance }}{{ $labels.instance }}{{ else }}nobody{{ end }} uses {{ $value | printf \"%.0f\" }} bytes"
        );
        let labels = [("instance", "a:1")].into_iter().collect();
        assert_eq!(template.fill(&labels, 3.2), "a:1 uses 3 bytes");
        assert_eq!(template.fill(&Labels::default(), 0.0), "nobody uses 0 bytes");
    }

    #[test]
    fn a_text_never_begins_an_action() {
        let template = Template::new().text("{{ .Labels }} {").label("a");
        assert_eq!(
            template.to_go(),
            "{{ \"{\" }}{{ \"{\" }} .Labels }} {{ \"{\" }}{{ $labels.a }}"
        );
        assert_eq!(template.fill(&Labels::default(), 0.0), "{{ .Labels }} {");
    }
}
