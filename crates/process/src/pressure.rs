use crate::LookError;
use crate::read::read_path;

const LIMIT: usize = 4 * 1024;

/// What tasks may have to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A processor.
    Cpu,
    /// Memory.
    Memory,
    /// Input and output.
    Io,
}

/// Pressure stall information: the share of time that tasks waited for a resource. Source: `Documentation/accounting/psi.rst`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// Percent of the last ten seconds in which at least one task waited.
    pub some_avg10: f64,
    /// The same of the last minute.
    pub some_avg60: f64,
    /// Percent of the last ten seconds in which all tasks waited at once; 0 where the kernel does not say.
    pub full_avg10: f64,
}

impl Resource {
    /// The word that the kernel uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

impl Pressure {
    /// The pressure of the whole host.
    ///
    /// Fails with [`LookError::Gone`] where the kernel does not measure it.
    pub fn of_host(resource: Resource) -> Result<Self, LookError> {
        let path = format!("/proc/pressure/{}", resource.as_str());
        // A kernel that was told not to measure answers EOPNOTSUPP.
        let text = read_path(&path, LIMIT).map_err(|errno| match errno {
            rustix::io::Errno::OPNOTSUPP => LookError::Gone { what: path.clone() },
            errno => LookError::of(path.clone(), errno),
        })?;
        parse(&text.lossy()).ok_or_else(|| LookError::form(path))
    }
}

pub(crate) fn parse(text: &str) -> Option<Pressure> {
    let average = |line: &str, window: &str| {
        let value = text
            .lines()
            .find(|candidate| candidate.split_ascii_whitespace().next() == Some(line))?
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix(window)?.strip_prefix('='))?;
        value.parse::<f64>().ok().filter(|share| share.is_finite())
    };
    Some(Pressure {
        some_avg10: average("some", "avg10")?,
        some_avg60: average("some", "avg60")?,
        full_avg10: average("full", "avg10").unwrap_or(0.0),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_lines_are_read() {
        let text = "some avg10=1.25 avg60=0.50 avg300=0.00 total=11836757\n\
            full avg10=0.75 avg60=0.00 avg300=0.00 total=1336210\n";
        let expected = Pressure { some_avg10: 1.25, some_avg60: 0.5, full_avg10: 0.75 };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("some avg10=nan avg60=0\n"), None);
    }

    #[test]
    fn a_host_that_measures_says_a_share() {
        match Pressure::of_host(Resource::Memory) {
            Ok(pressure) => assert!((0.0..=100.0).contains(&pressure.some_avg10)),
            Err(error) => assert!(error.is_gone(), "{error}"),
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}|(some|full) avg10=[0-9.e]{0,400} avg60=\\PC{0,9}") {
            let _ = parse(&text);
        }
    }
}
