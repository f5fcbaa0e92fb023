//! The short answer of an explanation in the reader's language. In English it is the one that `evenkeel why` prints.

use evenkeel_journal::{Event, Hold, Incident};
use evenkeel_pages::{Lang, View, lasted, said, told, utc};
use jiff::Timestamp;

use super::rows;
use crate::explain::answer::{Gist, sample};
use crate::explain::{BudgetUse, Explanation};

pub(super) fn answer(view: &View, said: &Explanation) -> String {
    if view.lang == Lang::En {
        return said.answer.clone();
    }
    let answer = match said.gist() {
        Gist::Over { incident, closed, judged } => over(view, said, incident, closed, judged),
        Gist::Open { incident, last } => open(view, said, incident, last),
        Gist::Run(cleaned) => return of_run(view, cleaned),
        Gist::Files(files) => of_files(view, &files),
        Gist::Last(last) => last_of(view, last),
        Gist::Nothing => "履歴には何もない".to_owned(),
    };
    let holds = said.holds.iter().map(|hold| held(view, hold));
    std::iter::once(answer).chain(holds).collect::<Vec<_>>().join("。")
}

fn over(
    view: &View,
    said: &Explanation,
    incident: &Incident,
    closed: Timestamp,
    judged: Option<&Event>,
) -> String {
    let how = match judged {
        Some(judged) => line(view, judged),
        None if said.intents.is_empty() => "自然に復帰".to_owned(),
        None => "対処が効いたかは確認されなかった".to_owned(),
    };
    let (cause, actions) = (&incident.cause, actions(said));
    let lasted = lasted(view, closed.duration_since(incident.opened));
    format!("チェック {cause} が検知。停止時間: {lasted}、{}に復旧。{actions}。{how}", utc(closed))
}

fn open(view: &View, said: &Explanation, incident: &Incident, last: Option<&Event>) -> String {
    let (cause, actions) = (&incident.cause, actions(said));
    let so_far = lasted(view, view.now.duration_since(incident.opened));
    let mut text = format!("チェック {cause} が検知。停止してから{so_far}。これまでに{actions}");
    for BudgetUse { used, count, window, .. } in said.budgets_in_use() {
        let share = format!("、直近 {window} の上限{count}回のうち{used}回を使用");
        text.push_str(&share);
    }
    if let Some(event) = last {
        text.push('。');
        text.push_str(&line(view, event));
    }
    text
}

fn actions(said: &Explanation) -> String {
    match said.intents.len() {
        0 => "対処なし".to_owned(),
        actions => format!("対処{actions}回"),
    }
}

/// What one run of a cleanup took, and why.
fn of_run(view: &View, cleaned: &Event) -> String {
    let named = rows::sample(&cleaned.data);
    let named: Vec<_> = named.iter().map(|one| said(view, &one.text, one.code.as_ref())).collect();
    let (_, more) = sample(cleaned);
    let more = if more > 0 { format!(" / ほか{more}件") } else { String::new() };
    let (rule, at, line) = (&cleaned.target, utc(cleaned.at), line(view, cleaned));
    format!("ルール {rule}、{at}: {line}: {}{more}", named.join(" / "))
}

fn of_files(view: &View, files: &[(&str, usize, &Event)]) -> String {
    let part = |(kind, times, last): &(&str, usize, &Event)| {
        let word = match *kind {
            "repaired" => "修復",
            "cleaned" => "掃除",
            "purged" => "ごみ箱からの削除",
            "fought" => "競合",
            _ => "失敗",
        };
        format!("{word}{times}回、{}", last_of(view, last))
    };
    files.iter().map(part).collect::<Vec<_>>().join("。")
}

fn last_of(view: &View, event: &Event) -> String {
    format!("最後は{}: {}", utc(event.at), line(view, event))
}

fn held(view: &View, hold: &Hold) -> String {
    let whom = if hold.target == "*" { "ホスト全体" } else { hold.target.as_str() };
    let until = match &hold.until {
        Some(until) => {
            let left = view.span(until.wall.duration_since(view.now));
            format!("{}まで、あと{left}", utc(until.wall))
        }
        None => "解除されるまで".to_owned(),
    };
    format!("{whom} は {} により保留中({until}): {}", hold.by, hold.reason)
}

fn line(view: &View, event: &Event) -> String {
    told(view, &rows::line(event))
}
