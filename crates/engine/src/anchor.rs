use evenkeel_moment::Moment;
use jiff::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// What the clock of the host says at one moment, and therefore, as long as nobody sets it, at any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The moment.
    pub moment: Moment,
    /// The time of day at it.
    pub wall: Timestamp,
}

impl Anchor {
    /// The time of day at `moment`. One that lies beyond what a calendar can tell is the last that can be told, and one before it is
    /// that of the anchor.
    pub fn wall_at(self, moment: Moment) -> Timestamp {
        // Plain numbers: this is asked several times for each look.
        let since = moment.nanos_since(self.moment);
        let nanos = i64::from(self.wall.subsec_nanosecond()) + since % SECOND;
        let seconds = self.wall.as_second() + since / SECOND + nanos.div_euclid(SECOND);
        let nanos = i32::try_from(nanos.rem_euclid(SECOND)).unwrap_or(0);
        Timestamp::new(seconds, nanos).unwrap_or(if since < 0 { self.wall } else { Timestamp::MAX })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_the_calendar_says(
            moment in 0..1_u64 << 62,
            asked in 0..1_u64 << 62,
            (second, nano) in (-60_000_000_000..60_000_000_000_i64, 0..999_999_999_i32),
        ) {
            let anchor = Anchor {
                moment: Moment::from_nanos(moment),
                wall: Timestamp::new(second, nano).unwrap(),
            };
            let since = SignedDuration::from_nanos(asked.cast_signed() - moment.cast_signed());
            prop_assert_eq!(anchor.wall_at(Moment::from_nanos(asked)), anchor.wall + since);
        }
    }

    #[test]
    fn what_no_calendar_can_tell_is_its_end_or_the_anchor() {
        let moment = Moment::from_nanos(1 << 60);
        let last = Anchor { moment, wall: Timestamp::MAX };
        assert_eq!(last.wall_at(Moment::from_nanos(1 << 61)), Timestamp::MAX);
        let first = Anchor { moment, wall: Timestamp::MIN };
        assert_eq!(first.wall_at(Moment::ORIGIN), Timestamp::MIN);
    }
}
