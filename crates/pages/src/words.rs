//! What the pages say, in every language they speak.

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// The language that this tag names, such as `ja` or `en-GB`; `None` for one that the pages do not speak.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else if primary.eq_ignore_ascii_case("ja") {
            Some(Self::Ja)
        } else {
            None
        }
    }

    /// The language that an `Accept-Language` header likes best among those the pages speak; English if it names none.
    ///
    /// Of two that are liked equally, the first. Source: RFC 9110, 12.5.4.
    pub fn negotiate(accept_language: Option<&str>) -> Self {
        let mut best: Option<(f32, Self)> = None;
        // A header has room for a few kilobytes; nobody means more languages than this.
        for range in accept_language.unwrap_or_default().split(',').take(32) {
            let mut fields = range.split(';');
            let Some(lang) = fields.next().and_then(Self::of_tag) else { continue };
            let quality = fields
                .find_map(|field| field.trim().strip_prefix("q="))
                .map_or(Some(1.0), |text| text.trim().parse().ok())
                .filter(|quality| (0.0..=1.0).contains(quality))
                .unwrap_or(0.0);
            if quality > best.map_or(0.0, |(quality, _)| quality) {
                best = Some((quality, lang));
            }
        }
        best.map_or(Self::En, |(_, lang)| lang)
    }

    /// The tag of the language, as `<html lang>` has it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// One of two texts: the English one, or the Japanese one.
    ///
    /// Both stand where they are used, so that none can be forgotten and each is read in its place.
    pub const fn say(self, en: &'static str, ja: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Ja => ja,
        }
    }

    /// The word for a state, phase or verdict; its own name where there is no better one.
    pub fn state(self, state: &str) -> &str {
        STATES
            .iter()
            .find(|(name, ..)| *name == state)
            .map_or(state, |(_, en, ja)| self.say(en, ja))
    }
}

/// The names that the agent gives to states, phases, verdicts and kinds, as each language says them.
const STATES: &[(&str, &str, &str)] = &[
    ("up", "up", "正常"),
    ("down", "down", "停止"),
    ("unknown", "unknown", "不明"),
    ("suspect", "suspect", "疑わしい"),
    ("recovering", "recovering", "復帰中"),
    ("degraded", "degraded", "低下"),
    ("flapping", "flapping", "不安定"),
    ("held", "held", "保留中"),
    ("holds", "holds", "適合"),
    ("deviates", "deviates", "不適合"),
    ("not_yet_run", "not yet run", "未実行"),
    ("healthy", "healthy", "正常"),
    ("gate", "waiting", "待機中"),
    ("acting", "acting", "実行中"),
    ("verifying", "verifying", "確認中"),
    ("backoff", "backing off", "再試行待ち"),
    ("stabilizing", "stabilizing", "安定化中"),
    ("exhausted", "exhausted", "対処不能"),
    ("blocked", "blocked", "依存先待ち"),
    ("flap_hold", "flapping", "不安定"),
    ("host_incident", "host suspected", "ホスト異常の疑い"),
    ("maintenance", "held", "保留中"),
    ("withheld", "withheld", "抑止中"),
    ("closed", "closed", "閉"),
    ("open", "open", "開"),
    ("half_open", "half open", "半開"),
    ("good", "good", "正常"),
    ("bad", "bad", "停止"),
    ("recovered", "recovered", "回復"),
    ("relapsed", "relapsed", "再発"),
    ("failed", "failed", "失敗"),
    ("refused", "refused", "拒否"),
    ("ended", "ended", "終了"),
    ("critical", "critical", "重大"),
    ("warning", "warning", "警告"),
    ("permissions", "permissions", "権限"),
    ("cleanup", "cleanup", "掃除"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Lang) {
        assert_eq!(Lang::negotiate(Some(header)), expected, "{header}");
    }

    #[test]
    fn the_language_that_is_liked_best_is_spoken() {
        check("ja", Lang::Ja);
        check("ja-JP,ja;q=0.9,en-US;q=0.8", Lang::Ja);
        check("en-US,en;q=0.9,ja;q=0.8", Lang::En);
        check("fr, ja;q=0.3, en;q=0.2", Lang::Ja);
        check("de-CH", Lang::En);
        check("ja;q=0, en;q=0.1", Lang::En);
        check("*", Lang::En);
        assert_eq!(Lang::negotiate(None), Lang::En);
    }

    #[test]
    fn a_header_that_makes_no_sense_is_english() {
        for header in ["", ";;;", "ja;q=7", "ja;q=nan", "q=1;ja", &"x,".repeat(5_000)] {
            check(header, Lang::En);
        }
    }

    #[test]
    fn every_state_has_a_word_in_each_language_and_only_one() {
        for (at, (name, en, ja)) in STATES.iter().enumerate() {
            assert!(!en.is_empty() && ja.chars().any(|char| char > '\u{2e7f}'), "{name}");
            assert!(STATES[at + 1..].iter().all(|(other, ..)| other != name), "{name} twice");
        }
    }
}
