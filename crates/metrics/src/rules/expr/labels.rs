use std::collections::BTreeMap;

/// The label that holds the name of a metric.
pub const NAME_LABEL: &str = "__name__";

/// The labels of a series, sorted by name. An empty value is the same as no label.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The labels of a series of the metric `name`.
    pub fn of_metric<'a>(name: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all: Self = labels.into_iter().collect();
        all.set(NAME_LABEL, name);
        all
    }

    /// The value of a label; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a label; an empty value takes it away.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Without these labels.
    #[must_use]
    pub fn without<N: AsRef<str>>(mut self, names: &[N]) -> Self {
        for name in names {
            self.0.remove(name.as_ref());
        }
        self
    }

    /// Without the name of the metric.
    #[must_use]
    pub fn without_name(self) -> Self {
        self.without(&[NAME_LABEL])
    }

    /// Only these labels.
    #[must_use]
    pub fn only<N: AsRef<str>>(mut self, names: &[N]) -> Self {
        self.0.retain(|name, _| names.iter().any(|wanted| wanted.as_ref() == name));
        self
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let mut all = Self::default();
        for (name, value) in labels {
            all.set(name, value);
        }
        all
    }
}
