//! Lines of history in the reader's language.
//!
//! History keeps each line in English, and beside it all that it says as data; from that it is said again in Japanese. What others
//! wrote, such as outputs, reasons of operators and names, stays as they wrote it, and so does a line whose data is not as expected.

use evenkeel_shown::said::Code;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::Value;

use crate::rows::EventRow;
use crate::said::japanese;
use crate::view::{Unit, View, utc};
use crate::words::Lang;

/// The line of an event, in the language of `view`.
pub fn told(view: &View, row: &EventRow) -> String {
    let japanese = match view.lang {
        Lang::En => None,
        Lang::Ja => Teller { view, data: &row.data }.line(&row.kind),
    };
    japanese.unwrap_or_else(|| row.message.clone())
}

/// Why nothing is done, in the language of `view`, from its data; `text` says it in English.
pub(crate) fn refusal(view: &View, text: &str, data: &Value) -> String {
    let japanese = match view.lang {
        Lang::En => None,
        Lang::Ja => Teller { view, data }.refusal(),
    };
    japanese.unwrap_or_else(|| text.to_owned())
}

/// A time in words; below a minute with its parts of a second.
pub fn lasted(view: &View, span: SignedDuration) -> String {
    if span < SignedDuration::from_mins(1) {
        return Unit::Milliseconds.write(span.as_secs_f64() * 1e3, view.lang);
    }
    view.span(span)
}

/// Says in Japanese what some data says.
#[derive(Clone, Copy)]
struct Teller<'a> {
    view: &'a View,
    data: &'a Value,
}

impl<'a> Teller<'a> {
    fn line(self, kind: &str) -> Option<String> {
        let text = match kind {
            "check_changed" => {
                let (from, to) = (self.word("from", "state")?, self.word("to", "state")?);
                format!("{from} → {to}{}", self.tail("reason"))
            }
            "breaker_changed" => self.breaker()?,
            "repaired" | "fought" | "rule_failed" | "cleaned" | "purged" => self.files(kind)?,
            "incident_opened" => {
                format!("チェック {} が停止を検知: {}", self.text("cause")?, self.own("evidence")?)
            }
            "refused" => self.refused()?,
            "skipped" => {
                let (action, reason) = (self.text("action")?, self.own("reason")?);
                format!("{action}: 段階{}を飛ばす: {reason}", self.count("step")? + 1)
            }
            "intended" => format!(
                "{}: 段階{}、試行{}回目。予算の残りは{}回",
                self.text("action")?,
                self.count("step")? + 1,
                self.count("attempt")? + 1,
                self.count("budget_left")?
            ),
            "evidence" => self.evidence()?,
            "acted" => format!("{} が終了: {}", self.text("action")?, self.own("detail")?),
            "judged" => {
                let outcome = Lang::Ja.state(self.text("outcome")?);
                format!("{}: {outcome}。{}", self.text("action")?, self.at("next").follows()?)
            }
            "incident_closed" => format!("{}で解決", self.span("lasted")?),
            "victim" => format!(
                "チェック {} が停止を検知。{} の影響のため、復帰するまで対処しない",
                self.text("cause")?,
                self.list("of")?
            ),
            "storm_began" | "storm_ended" | "starved" => self.host(kind)?,
            "flapping_started" => {
                format!("状態の変化が頻繁({})なため、落ち着くまで対処しない", self.percent()?)
            }
            "flapping_ended" => format!("落ち着いた({})", self.percent()?),
            "restarted_by_others" => match self.list("charged")?.as_str() {
                "" => "エージェント以外により再起動された".to_owned(),
                charged => {
                    format!("エージェント以外により再起動された。{charged} の予算に計上")
                }
            },
            "held" | "released" | "hold_ended" | "reset" => self.order(kind)?,
            "agent_started" => "起動".to_owned(),
            "observe_only" => self.withheld()?,
            "observe_only_ended" => "対処を再開".to_owned(),
            _ => return None,
        };
        Some(text)
    }

    fn breaker(self) -> Option<String> {
        let change = self.at("change");
        let state = |key| Some(Lang::Ja.state(change.text(key)?));
        let (from, to) = (state("from")?, state("to")?);
        let why = change.at("reason");
        let of = |what, how| {
            let (some, all) = (why.count(what)?, why.count("results")?);
            Some(format!(": 試行{all}回中{some}回{how}"))
        };
        let counts = match why.text("reason")? {
            "tripped" => of("failures", "が失敗")?,
            "too_slow" => of("slow", "が遅延")?,
            _ => String::new(),
        };
        let causes = self.at("causes");
        let causes = match (causes.own("first"), causes.own("last")) {
            (Some(first), Some(last)) => format!("。最初: {first}、最後: {last}"),
            _ => String::new(),
        };
        Some(format!("ブレーカー: {from} → {to}{counts}{causes}"))
    }

    fn files(self, kind: &str) -> Option<String> {
        let what = || self.text("what").map(|what| attribute(Lang::Ja, what));
        let by = || self.at("by").text("shown");
        Some(match kind {
            "repaired" if self.count("entries").is_some() => {
                format!("ほかに{}件を修復: {}", self.count("entries")?, what()?)
            }
            "repaired" => {
                let (before, after) = (self.text("before")?, self.text("after")?);
                let path = self.text("path")?;
                let wrong =
                    self.span("wrong_for").map(|span| format!("、不適合だった時間: {span}"));
                let by = by().map(|by| format!("、変更者: {by}"));
                let (wrong, by) = (wrong.unwrap_or_default(), by.unwrap_or_default());
                format!("{path} の{}: {before} → {after}{wrong}{by}", what()?)
            }
            "fought" if self.count("entries").is_some() => {
                format!("ほかに{}件が競合中。しばらく修復しない", self.count("entries")?)
            }
            "fought" => format!(
                "{} の{}: {} に{}回修復したが、そのたびに {} に戻された(変更者: {})。{}の間は修復しない",
                self.text("path")?,
                what()?,
                self.text("ours")?,
                self.count("times")?,
                self.text("theirs")?,
                by().unwrap_or("不明"),
                self.span("pause")?
            ),
            "rule_failed" => match self.count("entries")? {
                0 => self.own("reason")?,
                entries => format!("{entries}件がそのまま残った: {}", self.own("reason")?),
            },
            "cleaned" => {
                let action = cleaning(Lang::Ja, self.text("action")?);
                let (entries, bytes) = (self.count("entries")?, self.bytes()?);
                match self.text("run") {
                    Some(run) => format!(
                        "{action}: {entries}件、{bytes}。`evenkeel undo {run}` で元に戻せる"
                    ),
                    None => format!("{action}: {entries}件、{bytes}を解放"),
                }
            }
            _ => {
                format!("ごみ箱から削除: {}件、{}を解放", self.count("entries")?, self.bytes()?)
            }
        })
    }

    fn refused(self) -> Option<String> {
        let also = self.data["also"].as_array().into_iter().flatten();
        let reasons = [&self.data["reason"]].into_iter().chain(also);
        let reasons = reasons.map(|data| Self { data, ..self }.refusal());
        let reasons: Option<Vec<_>> = reasons.collect();
        let budget = self.at("budget");
        Some(format!(
            "{} は見送り: {}。直近{}の対処: 上限{}回のうち{}回を使用",
            self.text("action")?,
            reasons?.join(" / "),
            budget.span("window")?,
            budget.count("count")?,
            budget.count("used")?
        ))
    }

    fn refusal(self) -> Option<String> {
        let since = || self.time("since");
        Some(match self.text("refusal")? {
            "grace" => "エージェントの起動直後のため、まず観察のみ行う".to_owned(),
            "observe_only" => format!("観察のみ: {}", self.own("why")?),
            "held" => {
                let until = match self.time("until") {
                    Some(until) => format!("{until}まで"),
                    None => "解除されるまで".to_owned(),
                };
                let whom = if self.text("target")? == "*" { "ホスト全体が " } else { "" };
                let (by, reason) = (self.text("by")?, self.text("reason")?);
                format!("{whom}{by} により保留中({until}): {reason}")
            }
            "dependency" => {
                let known = if self.data["down"].as_bool()? { "停止" } else { "不明" };
                format!("依存先 {} が{}から{known}", self.text("check")?, since()?)
            }
            "storm" => {
                let (down, of) = (self.count("down")?, self.count("of")?);
                format!("{}から対象{of}件中{down}件が同時に停止: ホストの異常を疑う", since()?)
            }
            "flapping" => format!("{}から状態の変化が頻繁", since()?),
            "not_sure" => "停止しているか今は分からない".to_owned(),
            "recovering" => "直近の結果は正常で、復帰中かもしれない".to_owned(),
            "no_step" => "この対象に合う段階がない".to_owned(),
            "busy" => format!("対処は一度に一つ: {} の対処が実行中", self.text("with")?),
            "looking" => format!("先に {} を調べる", self.text("check")?),
            "parts_first" => format!("先に {} を復旧する", self.text("part")?),
            "quiet" => format!(
                "閑散時間帯 {}({}開始)を待つ。上限到達の見込み: {}",
                self.text("windows")?,
                self.time("opens")?,
                self.time("reaches")?
            ),
            "program_not_ready" => {
                format!("{} は操作しない: {}", self.text("program")?, self.own("why")?)
            }
            "budget" => {
                let scope = match self.text("scope")? {
                    "target" => "対象",
                    "group" => "グループ",
                    "host" => "ホスト",
                    other => other,
                };
                let (rate, after) = (self.text("rate")?, self.span("retry_after")?);
                match (self.count("needs")?, self.count("left")?) {
                    (needs @ 2.., left) => format!(
                        "{needs}回分が必要だが、{scope}の予算 {rate} の残りは{left}回(空きが出るまで{after})"
                    ),
                    _ => format!("{scope}の予算 {rate} を使い切った(空きが出るまで{after})"),
                }
            }
            _ => return None,
        })
    }

    /// What follows an action.
    fn follows(self) -> Option<String> {
        Some(match self.text("then")? {
            "verified" => "同じチェックで確認済み".to_owned(),
            "down_again" => "再び停止".to_owned(),
            "retry" => format!("{}後に再試行", self.span("after")?),
            "step" => format!("次は段階{}", self.count("step")? + 1),
            "fresh_attempt" => {
                format!("すべての段階を試した。{}後にもう一度試す", self.span("after")?)
            }
            "nothing" => "これ以上試せることはない".to_owned(),
            _ => return None,
        })
    }

    fn evidence(self) -> Option<String> {
        let logs = self.data["logs"].as_array()?.iter();
        let lines: usize = logs.filter_map(|log| log["lines"].as_array().map(Vec::len)).sum();
        let process = self.at("process");
        Some(match (process.count("pid"), process.text("name")) {
            (Some(pid), Some(name)) => {
                format!("対処前の状態を記録: プロセス {pid}({name})、ログ{lines}行")
            }
            _ => format!("対処前の状態を記録: ログ{lines}行"),
        })
    }

    fn host(self, kind: &str) -> Option<String> {
        Some(match kind {
            "storm_began" => {
                let (down, of) = (self.count("down")?, self.count("of")?);
                let late = if self.data["of_timeouts"].as_bool()? {
                    "(タイムアウトによるもので、不明として扱う)"
                } else {
                    ""
                };
                format!(
                    "{}以内に対象{of}件中{down}件が停止{late}: ホストの異常を疑い、再起動を控える(対象: {})",
                    self.span("within")?,
                    self.list("targets")?
                )
            }
            "storm_ended" => format!("{}で収束: 対象を改めて調べる", self.span("lasted")?),
            _ => format!(
                "エージェント自身が{}間動作できなかった: その間の失敗は不明として扱う",
                self.span("late")?
            ),
        })
    }

    fn order(self, kind: &str) -> Option<String> {
        Some(match kind {
            "held" => {
                let (by, reason) = (self.text("by")?, self.text("reason")?);
                match self.time("until") {
                    Some(until) => format!("{by} が保留({until}まで): {reason}"),
                    None => format!("{by} が保留(解除されるまで): {reason}"),
                }
            }
            "released" => {
                format!("{} が保留を解除(保留時間: {})", self.text("by")?, self.span("lasted")?)
            }
            "hold_ended" => {
                format!("保留は{}で自動的に終了: {}", self.span("lasted")?, self.text("reason")?)
            }
            _ => format!("{} がリセット: 改めて調べ、最初から対処する", self.text("by")?),
        })
    }

    fn at(self, key: &str) -> Self {
        Self { data: &self.data[key], ..self }
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.data[key].as_str()
    }

    /// A text that evenkeel itself may have written: said from its code, which stands beside it in that case.
    fn own(self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        // A code that another version wrote and this one does not know leaves the text as it was written.
        let code = Code::deserialize(&self.data[format!("{key}_code")]).ok();
        Some(code.map_or_else(|| text.to_owned(), |code| japanese(self.view, &code)))
    }

    /// Why the agent only observes, and until when.
    fn withheld(self) -> Option<String> {
        let why = self.own("why")?;
        let until = self.at("until").time("wall");
        Some(until.map_or_else(|| why.clone(), |until| format!("{why}({until}まで)")))
    }

    /// A text that may be absent, behind a colon.
    fn tail(self, key: &str) -> String {
        self.own(key).map(|text| format!(": {text}")).unwrap_or_default()
    }

    fn word(self, key: &str, inner: &str) -> Option<&'a str> {
        self.at(key).text(inner).map(|word| Lang::Ja.state(word))
    }

    fn count(self, key: &str) -> Option<u64> {
        self.data[key].as_u64()
    }

    fn list(self, key: &str) -> Option<String> {
        let names = self.data[key].as_array()?.iter().map(Value::as_str);
        Some(names.collect::<Option<Vec<_>>>()?.join("、"))
    }

    fn bytes(self) -> Option<String> {
        Some(Unit::Bytes.write(self.data["bytes"].as_f64()?, Lang::Ja))
    }

    fn percent(self) -> Option<String> {
        Some(format!("直近の状態の{:.0} %が変化", self.data["percent"].as_f64()?))
    }

    /// A time of the standard library, as serde writes it.
    fn span(self, key: &str) -> Option<String> {
        let (seconds, nanos) = (self.at(key).count("secs")?, self.at(key).count("nanos")?);
        let (seconds, nanos) = (i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?);
        Some(lasted(self.view, SignedDuration::new(seconds, nanos)))
    }

    /// In UTC.
    fn time(self, key: &str) -> Option<String> {
        self.text(key)?.parse::<Timestamp>().ok().map(utc)
    }
}

/// What of an entry deviated.
pub(crate) fn attribute(lang: Lang, what: &str) -> &str {
    word(lang, ATTRIBUTES, what)
}

/// What a cleanup does.
pub(crate) fn cleaning(lang: Lang, action: &str) -> &str {
    word(lang, CLEANINGS, action)
}

/// What the kind of a line of history, such as `check_changed`, is called in a language.
pub fn kind_of_line(lang: Lang, kind: &str) -> String {
    word(lang, KINDS, kind).replace('_', " ")
}

fn word<'a>(lang: Lang, words: &[(&str, &'static str)], name: &'a str) -> &'a str {
    let known = words.iter().find(|(known, _)| lang == Lang::Ja && *known == name);
    known.map_or(name, |(_, japanese)| japanese)
}

const ATTRIBUTES: &[(&str, &str)] = &[
    ("mode", "モード"),
    ("owner", "所有者"),
    ("group", "グループ"),
    ("acl", "ACL"),
    ("default_acl", "既定の ACL"),
    ("created", "作成"),
];

const CLEANINGS: &[(&str, &str)] = &[
    ("delete", "削除"),
    ("truncate", "切り詰め"),
    ("trash", "ごみ箱へ移動"),
    ("compress", "圧縮"),
];

const KINDS: &[(&str, &str)] = &[
    ("check_changed", "状態の変化"),
    ("breaker_changed", "ブレーカー"),
    ("repaired", "修復"),
    ("fought", "競合"),
    ("rule_failed", "ルールの失敗"),
    ("cleaned", "掃除"),
    ("purged", "ごみ箱の整理"),
    ("incident_opened", "インシデント開始"),
    ("refused", "見送り"),
    ("skipped", "段階の省略"),
    ("intended", "対処の決定"),
    ("evidence", "証拠"),
    ("acted", "対処"),
    ("judged", "判定"),
    ("incident_closed", "インシデント終了"),
    ("victim", "依存先の影響"),
    ("storm_began", "ホスト異常の疑い"),
    ("storm_ended", "疑いの解消"),
    ("starved", "エージェントの停滞"),
    ("flapping_started", "不安定"),
    ("flapping_ended", "安定"),
    ("restarted_by_others", "他者による再起動"),
    ("held", "保留"),
    ("released", "保留の解除"),
    ("hold_ended", "保留の終了"),
    ("reset", "リセット"),
    ("agent_started", "起動"),
    ("observe_only", "観察のみ"),
    ("observe_only_ended", "観察のみの終了"),
];
