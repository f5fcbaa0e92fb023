use std::fmt;
use std::str::FromStr;

/// Digits behind the point.
const PLACES: u32 = 12;
const ONE: u64 = 10_u64.pow(PLACES);

/// A number from 0 on with at most twelve digits behind the point, exact: what a person wrote is what is printed.
///
/// Objectives are decimals. In binary `1 - 0.999` is 0.0010000000000000009, and a rule that says so cannot be compared
/// with what was meant.
///
/// ```
/// use evenkeel_metrics::availability::Decimal;
///
/// let objective: Decimal = "0.999".parse()?;
/// let allowed = Decimal::ONE - objective;
/// assert_eq!(allowed.to_string(), "0.001");
/// assert_eq!((allowed * "14.4".parse::<Decimal>()?).to_string(), "0.0144");
/// # Ok::<(), evenkeel_metrics::availability::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(u64);

/// A text that is no decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a decimal number from 0 to 1000000 with at most {PLACES} digits behind the point"
)]
pub struct DecimalError {
    /// The text.
    pub text: String,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(ONE);

    /// So many thousandths.
    pub const fn thousandths(thousandths: u32) -> Self {
        Self(thousandths as u64 * (ONE / 1000))
    }

    /// The share `part / whole`, rounded down; `None` of nothing.
    pub fn share(part: u64, whole: u64) -> Option<Self> {
        let scaled = (u128::from(part) * u128::from(ONE)).checked_div(u128::from(whole))?;
        u64::try_from(scaled).ok().map(Self)
    }

    /// The nearest binary number, for metrics.
    #[expect(clippy::cast_precision_loss, reason = "the nearest one is what is wanted")]
    pub fn to_f64(self) -> f64 {
        // Division rounds once, so that 0.999 becomes the same number that a parser makes of the text.
        self.0 as f64 / ONE as f64
    }

    /// `count * self`, rounded down.
    pub fn of(self, count: u64) -> u64 {
        let product = u128::from(self.0) * u128::from(count) / u128::from(ONE);
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// `count * self` as a decimal: how many slices may be bad, with the part of one that is left over.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// How many times it goes into the whole, rounded up: of so many there is one; `None` of nothing.
    pub const fn inverse_rounded_up(self) -> Option<u64> {
        if self.0 == 0 { None } else { Some(ONE.div_ceil(self.0)) }
    }

    /// The same times a hundred, as percent.
    #[must_use]
    pub const fn percent(self) -> Self {
        Self(self.0.saturating_mul(100))
    }
}

impl std::ops::Sub for Decimal {
    type Output = Self;

    /// The difference; zero if that would be less.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Mul for Decimal {
    type Output = Self;

    /// The product, rounded down to what a decimal holds.
    fn mul(self, other: Self) -> Self {
        let product = u128::from(self.0) * u128::from(other.0) / u128::from(ONE);
        Self(u64::try_from(product).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Decimal {
    /// With no more digits than it has, or with as many as are asked for: the rest is cut off, as 99.99 % must not become
    /// 100 % by rounding.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / ONE, self.0 % ONE);
        let digits = format!("{part:012}");
        let shown = match formatter.precision() {
            Some(places) => &digits[..places.min(digits.len())],
            None => digits.trim_end_matches('0'),
        };
        let text = if shown.is_empty() { whole.to_string() } else { format!("{whole}.{shown}") };
        formatter.pad_integral(true, "", &text)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Digits, and a point with digits behind it; `99.9%` is 0.999.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let refused = || DecimalError { text: text.to_owned() };
        let number = text.trim();
        let (number, percent) = match number.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (number, false),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let places = part.trim_end_matches('0').len();
        let most = if percent { PLACES as usize - 2 } else { PLACES as usize };
        if !is_digits(whole) || !is_digits(part) || places > most {
            return Err(refused());
        }
        let whole: u64 = whole.parse().map_err(|_| refused())?;
        let part: u64 = format!("{:0<12}", &part[..places]).parse().map_err(|_| refused())?;
        if whole > 1_000_000 {
            return Err(refused());
        }
        let units = whole * ONE + part;
        Ok(Self(if percent { units / 100 } else { units }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn what_is_written_is_what_is_printed() {
        for text in ["0", "1", "0.999", "0.9999", "14.4", "0.000000000001", "1000000"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("99.9%").to_string(), "0.999");
        assert_eq!(decimal("99.95 %").to_string(), "0.9995");
        assert_eq!(decimal("0.9990"), decimal("0.999"));
    }

    #[test]
    fn no_noise_of_binary_numbers_appears() {
        let allowed = Decimal::ONE - decimal("0.999");
        assert_eq!(allowed.to_string(), "0.001");
        for (factor, threshold) in
            [("14.4", "0.0144"), ("6", "0.006"), ("3", "0.003"), ("1", "0.001")]
        {
            assert_eq!((allowed * decimal(factor)).to_string(), threshold);
        }
        assert_eq!(decimal("0.999").to_f64().to_bits(), 0.999_f64.to_bits());
        assert_eq!(decimal("0.0144").to_f64().to_bits(), 0.0144_f64.to_bits());
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "0,999", "NaN", "0.0000000000001", "1000001"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn digits_that_are_not_shown_are_cut_off() {
        assert_eq!(format!("{:.2}", decimal("99.999")), "99.99");
        assert_eq!(format!("{:.3}", decimal("100")), "100.000");
        assert_eq!(format!("{:>8.1}", decimal("99.96")), "    99.9");
    }

    proptest! {
        #[test]
        fn a_text_survives_the_way_there_and_back(whole in 0..1_000_000_u64, part in 0..ONE) {
            let number = Decimal(whole * ONE + part);
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }

        #[test]
        fn a_share_of_a_count_is_never_more_than_it(share in 0..=ONE, count in 0..u64::MAX) {
            prop_assert!(Decimal(share).of(count) <= count);
        }
    }
}
