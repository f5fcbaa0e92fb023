/// A metrics page, read.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    lines: Vec<String>,
}

impl Samples {
    /// Reads the text exposition.
    pub fn parse(page: &str) -> Self {
        Self {
            lines: page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect(),
        }
    }

    /// The sum of the samples of `name` that carry all these labels; `None` if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |line: &&String| {
            let head = line.rsplit_once(' ').map_or("", |(head, _)| head);
            let (found, rest) = head.split_once('{').unwrap_or((head, ""));
            let inner = format!(",{}", rest.trim_end_matches('}'));
            found == name
                && labels.iter().all(|(key, value)| inner.contains(&format!(",{key}=\"{value}\"")))
        };
        let values: Vec<f64> = self
            .lines
            .iter()
            .filter(wanted)
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// As [`Samples::sum`], of counters; 0 if there is no sample.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels).unwrap_or(0.0);
        format!("{sum:.0}").parse().expect("a counter is not negative")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_chosen_by_name_and_labels() {
        let page = "# HELP a x\na{b=\"1\",c=\"x y\"} 2\na{b=\"2\",c=\"z\"} 3\nab 7\n";
        let samples = Samples::parse(page);
        assert_eq!(samples.sum("a", &[]), Some(5.0));
        assert_eq!(samples.sum("a", &[("c", "x y")]), Some(2.0));
        assert_eq!(samples.sum("ab", &[]), Some(7.0));
        assert_eq!(samples.sum("a", &[("b", "3")]), None);
        assert_eq!((samples.count("a", &[]), samples.count("b", &[])), (5, 0));
    }
}
