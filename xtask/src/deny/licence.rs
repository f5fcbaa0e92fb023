//! Licence expressions as `Cargo.toml` has them: `MIT OR Apache-2.0`, `(A OR B) AND C`, the old `MIT/Apache-2.0`.

/// The allowed licences that satisfy `expression`, the first choice first; `None` if no choice is allowed.
///
/// Fails on an expression that cannot be read.
pub(super) fn satisfy(expression: &str, allowed: &[&str]) -> Result<Option<Vec<String>>, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let satisfied = parser.any()?;
    match parser.words {
        [] => Ok(satisfied),
        [word, ..] => Err(format!("`{word}` is not expected")),
    }
}

/// What satisfies a part of an expression.
type Choice = Option<Vec<String>>;

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a [&'a str],
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Choice, String> {
        let mut choice = self.all()?;
        while self.take("OR") {
            let other = self.all()?;
            choice = choice.or(other);
        }
        Ok(choice)
    }

    fn all(&mut self) -> Result<Choice, String> {
        let mut choice = self.one()?;
        while self.take("AND") {
            let other = self.one()?;
            choice = choice.zip(other).map(|(mut needed, more)| {
                needed.extend(more);
                needed
            });
        }
        Ok(choice)
    }

    fn one(&mut self) -> Result<Choice, String> {
        if self.take("(") {
            let choice = self.any()?;
            return if self.take(")") {
                Ok(choice)
            } else {
                Err("a bracket is not closed".to_owned())
            };
        }
        let [name, rest @ ..] = self.words else { return Err("a licence is missing".to_owned()) };
        if matches!(*name, "AND" | "OR" | "WITH" | ")") {
            return Err(format!("`{name}` is not expected"));
        }
        let mut full = (*name).to_owned();
        self.words = rest;
        if let ["WITH", exception, rest @ ..] = self.words {
            full = format!("{full} WITH {exception}");
            self.words = rest;
        }
        Ok(self.allowed.contains(&full.as_str()).then(|| vec![full]))
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words {
            [first, rest @ ..] if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];

    #[track_caller]
    fn check(expression: &str, expected: Option<&[&str]>) {
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(satisfy(expression, &ALLOWED), Ok(expected), "{expression}");
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        check("MIT", Some(&["MIT"]));
        check("GPL-3.0 OR MIT", Some(&["MIT"]));
        check("GPL-3.0/MIT", Some(&["MIT"]));
        check("GPL-3.0", None);
    }

    #[test]
    fn every_part_that_is_joined_must_be_allowed() {
        check("(GPL-3.0 OR MIT) AND Unicode-3.0", Some(&["MIT", "Unicode-3.0"]));
        check("MIT AND GPL-3.0", None);
        check("GPL-3.0 OR MIT AND ISC", None);
    }

    #[test]
    fn a_licence_with_an_exception_is_another_licence() {
        check(
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
            Some(&["Apache-2.0 WITH LLVM-exception"]),
        );
        check("Apache-2.0", None);
        check("MIT WITH LLVM-exception", None);
    }

    #[test]
    fn an_expression_that_cannot_be_read_is_an_error() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "AND MIT"] {
            assert!(satisfy(expression, &ALLOWED).is_err(), "{expression}");
        }
    }
}
