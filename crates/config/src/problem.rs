use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use evenkeel_shown::Secrets;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::layer::{Layer, Origin};

/// Where in a layer of settings something stands.
#[derive(Debug, Clone)]
pub struct Place {
    origin: Origin,
    title: String,
    /// With stars in the place of secrets.
    text: Arc<str>,
    has_lines: bool,
    span: Range<usize>,
    value: Range<usize>,
}

/// One thing that is wrong with the settings.
///
/// Shown as a person reads it: what is wrong, the place with the text underlined, what is accepted.
#[derive(Debug, Clone)]
pub struct Problem {
    message: String,
    key: Option<String>,
    place: Option<Place>,
    label: String,
    also: Vec<(Place, String)>,
    help: Vec<String>,
    /// What stands there may be a secret.
    concealed: bool,
}

/// Everything that is wrong with the settings; shown as one page for a person.
#[derive(Debug, Clone)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl Place {
    pub(crate) fn new(layer: &Layer, span: Range<usize>, value: Range<usize>) -> Self {
        Self {
            origin: layer.origin.clone(),
            title: layer.title(),
            text: Arc::clone(&layer.shown),
            has_lines: layer.has_lines(),
            span: one_line(&layer.text, span),
            value: one_line(&layer.text, value),
        }
    }

    /// The layer that it stands in.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn is_in(&self, layer: &Layer) -> bool {
        Arc::ptr_eq(&self.text, &layer.shown)
    }

    pub(crate) fn start(&self) -> usize {
        self.span.start
    }

    /// Line, from 1; `None` in a flag or variable.
    pub fn line(&self) -> Option<usize> {
        self.has_lines.then(|| self.text[..self.span.start].matches('\n').count() + 1)
    }

    /// Column in characters, from 1; `None` in a flag or variable.
    pub fn column(&self) -> Option<usize> {
        let before = &self.text[..self.span.start];
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        self.has_lines.then(|| line.chars().count() + 1)
    }

    /// The value as it is written there, with stars in the place of secrets.
    pub fn value(&self) -> &str {
        &self.text[self.value.clone()]
    }

    fn snippet<'a>(&'a self, kind: AnnotationKind, label: &'a str) -> Snippet<'a, Annotation<'a>> {
        let annotation = kind.span(self.span.clone());
        let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
        let snippet =
            Snippet::source(&*self.text).line_numbering(self.has_lines).annotation(annotation);
        // The text of a flag or variable says itself what it is.
        if self.has_lines { snippet.path(&self.title) } else { snippet }
    }
}

/// `file:line` or the name of the variable or flag.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, self.line()) {
            (Origin::Default, _) => formatter.write_str("default"),
            (Origin::Variable(name), _) => formatter.write_str(name),
            (Origin::Flag, _) | (_, None) => formatter.write_str(&self.text),
            (_, Some(line)) => write!(formatter, "{}:{line}", self.title),
        }
    }
}

/// The first line of a span: underlining a whole table would hide what is meant.
fn one_line(text: &str, span: Range<usize>) -> Range<usize> {
    let span = span.start.min(text.len())..span.end.min(text.len());
    let end = text[span.clone()].find('\n').map_or(span.end, |length| span.start + length);
    span.start..end
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            key: None,
            place: None,
            label: String::new(),
            also: Vec::new(),
            help: Vec::new(),
            concealed: false,
        }
    }

    pub(crate) fn key_is(mut self, key: impl fmt::Display) -> Self {
        self.key = Some(key.to_string());
        self
    }

    pub(crate) fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// Leaves out what stands there, which may be a secret.
    pub(crate) fn conceal(mut self) -> Self {
        self.concealed = true;
        self
    }

    /// Hides what is known to be a secret, or is written like one, wherever a word of this repeats it.
    pub(crate) fn hide(mut self, secrets: &Secrets) -> Self {
        let texts = [&mut self.message, &mut self.label].into_iter();
        let texts = texts.chain(self.help.iter_mut());
        let texts = texts.chain(self.also.iter_mut().map(|(_, label)| label));
        texts.for_each(|text| *text = secrets.hide(text));
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn see(mut self, place: Option<Place>, label: impl Into<String>) -> Self {
        self.also.extend(place.map(|place| (place, label.into())));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The key it is about, with its whole path.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where it stands; `None` if no layer says anything about it.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What is wrong with just that place.
    pub fn label_text(&self) -> &str {
        &self.label
    }

    /// What is accepted, and what may have been meant.
    pub fn hints(&self) -> &[String] {
        &self.help
    }

    /// What is said where no excerpt is shown: of a flag or variable not even the name, as it stands beside its value.
    fn note(&self) -> String {
        let place = self.place.as_ref().filter(|_| self.concealed);
        match place.and_then(|place| Some((&place.title, place.line()?))) {
            Some((title, line)) => format!("{title}:{line}: {}", self.label),
            None => self.label.clone(),
        }
    }

    fn render(&self) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&*self.message));
        let note = self.note();
        if let Some(main) = self.place.as_ref().filter(|_| !self.concealed) {
            // Places in the same text share one excerpt.
            let (here, elsewhere): (Vec<_>, Vec<_>) =
                self.also.iter().partition(|(place, _)| Arc::ptr_eq(&main.text, &place.text));
            let snippet = main.snippet(AnnotationKind::Primary, &self.label);
            group = group.element(here.into_iter().fold(snippet, |snippet, (place, label)| {
                snippet.annotation(AnnotationKind::Context.span(place.span.clone()).label(&**label))
            }));
            for (place, label) in elsewhere {
                group = group.element(place.snippet(AnnotationKind::Context, label));
            }
        } else if !note.is_empty() {
            group = group.element(Level::NOTE.message(&*note));
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(&**help));
        }
        Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render())
    }
}

/// For `--json`: message, key, value, origin, line, column, label, hints.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = self.place.as_ref();
        let mut problem = serializer.serialize_struct("Problem", 8)?;
        problem.serialize_field("message", &self.message)?;
        problem.serialize_field("key", &self.key)?;
        problem.serialize_field("value", &place.filter(|_| !self.concealed).map(Place::value))?;
        problem.serialize_field("origin", &place.map(|place| &place.title))?;
        problem.serialize_field("line", &place.and_then(Place::line))?;
        problem.serialize_field("column", &place.and_then(Place::column))?;
        problem.serialize_field("label", &self.label)?;
        problem.serialize_field("hints", &self.help)?;
        problem.end()
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in the order of the layers, and from top to bottom in each.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => formatter.write_str("the settings have a problem")?,
            count => write!(formatter, "the settings have {count} problems")?,
        }
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n\n{problem}"))
    }
}
