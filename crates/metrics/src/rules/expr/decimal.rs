use std::fmt;

/// A number that is not negative, as people write it: `0.0144` is exactly that.
///
/// Limits of burn rates are products such as 14.4 × (1 − 0.999). In binary floating point that is 0.014400000000000013,
/// which nobody would write into a rule; in decimals it is 0.0144.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits without the point; no trailing zero behind it.
    digits: u128,
    /// How many of them are behind the point.
    scale: u32,
}

/// More digits behind the point than any figure that a person sets.
const MOST_SCALE: u32 = 18;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { digits: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { digits: 1, scale: 0 };

    /// `digits` with the point before the last `scale` of them: `new(144, 1)` is 14.4.
    pub const fn new(digits: u64, scale: u32) -> Self {
        let mut digits = digits as u128;
        let mut scale = scale;
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        Self { digits, scale }
    }

    /// The shortest decimal that reads back as `value`, cut after 18 digits behind the point.
    ///
    /// `None` for what is negative, infinite, not a number, or too large for rules to name.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !(0.0..1e18).contains(&value) {
            return None;
        }
        let text = value.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let fraction = fraction.get(..MOST_SCALE as usize).unwrap_or(fraction);
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self { digits, scale }.trimmed())
    }

    /// The product. `None` if it has more digits than fit.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, scale: self.scale + other.scale }.trimmed())
    }

    /// What is missing to one; zero from one on.
    #[must_use]
    pub fn complement(self) -> Self {
        // At most 18 digits are behind the point, or the sum of two such scales: both fit into 128 bits.
        let one = 10_u128.saturating_pow(self.scale);
        Self { digits: one.saturating_sub(self.digits), scale: self.scale }.trimmed()
    }

    /// The number that a parser makes of the digits: the nearest one in binary floating point.
    pub fn as_f64(self) -> f64 {
        // Not by dividing: only the parser rounds once, and Prometheus has one just like it.
        self.to_string().parse().unwrap_or(f64::INFINITY)
    }

    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl From<u64> for Decimal {
    fn from(value: u64) -> Self {
        Self { digits: value.into(), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        formatter.write_str(whole)?;
        if fraction.is_empty() { Ok(()) } else { write!(formatter, ".{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_of_burn_rates_are_exact() {
        for (objective, factor, expected) in [
            (0.999, Decimal::new(144, 1), "0.0144"),
            (0.999, Decimal::new(6, 0), "0.006"),
            (0.9995, Decimal::new(144, 1), "0.0072"),
            (0.99999, Decimal::new(3, 0), "0.00003"),
            (0.9, Decimal::new(1, 0), "0.1"),
        ] {
            let budget = Decimal::from_f64(objective).unwrap().complement();
            assert_eq!(factor.checked_mul(budget).unwrap().to_string(), expected);
        }
        let binary = 14.4 * (1.0 - 0.999);
        assert_eq!(binary.to_string(), "0.014400000000000013", "which is why this type exists");
    }

    #[test]
    fn what_no_rule_can_say_is_none() {
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e30] {
            assert_eq!(Decimal::from_f64(value), None);
        }
        // Too small to matter, and no error: the budget of such a promise is the whole window.
        assert_eq!(Decimal::from_f64(1e-300), Some(Decimal::ZERO));
        assert_eq!(Decimal::ZERO.complement(), Decimal::ONE);
        let most = Decimal { digits: u128::MAX, scale: 0 };
        assert_eq!(most.checked_mul(Decimal::from(2)), None);
    }

    proptest! {
        #[test]
        fn a_decimal_reads_back_as_itself(digits in 0..1_000_000_000_000_u64, scale in 0..12_u32) {
            let decimal = Decimal::new(digits, scale);
            prop_assert_eq!(Decimal::from_f64(decimal.as_f64()), Some(decimal));
        }

        #[test]
        fn a_share_and_its_complement_are_one(digits in 0..=1_000_000_u64) {
            let share = Decimal::new(digits, 6);
            prop_assert_eq!(share.complement().complement(), share);
            prop_assert_eq!(share.complement(), Decimal::new(1_000_000 - digits, 6));
        }
    }
}
