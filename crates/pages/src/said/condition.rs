use evenkeel_shown::said::{ConditionCode, Relation};

use super::span;
use crate::view::View;

/// What a measured fact breaks.
pub(super) fn condition(view: &View, code: &ConditionCode) -> String {
    match code {
        ConditionCode::NotMeasured { field } => format!("`{field}` が測定されていない"),
        ConditionCode::CannotBe { field, value, relation } => {
            let relation = relation_of(view, relation);
            format!("`{field}` は {value} であり、条件({relation})に当てはめられない")
        }
        ConditionCode::Is { field, value, relation } => {
            format!("{field} は {value}({})", relation_of(view, relation))
        }
        ConditionCode::Number { field, value } => format!("{field} は {value}"),
        ConditionCode::AtLimit { field, value, limit } => {
            format!("{field} は {value} で、限度の {limit} に達している")
        }
        ConditionCode::Body(relation) => {
            format!("本文が条件({})に当たる", relation_of(view, relation))
        }
        ConditionCode::Trend {
            field,
            value,
            falls,
            per_hour,
            seen_for,
            limit,
            likely,
            earliest,
            latest,
        } => {
            let how = if *falls { "減少" } else { "増加" };
            format!(
                "{field} は {value} で、1時間に {per_hour} {how}(観測期間 {seen_for}): {likely} 後に {limit} に達する見込み({earliest} から {latest} 後)"
            )
        }
    }
}

fn relation_of(view: &View, relation: &Relation) -> String {
    match relation {
        Relation::Above(limit) => format!("{limit} より大きい"),
        Relation::Below(limit) => format!("{limit} より小さい"),
        Relation::NotBelow(limit) => format!("{limit} 以上"),
        Relation::NotAbove(limit) => format!("{limit} 以下"),
        Relation::EqualTo(value) => format!("{value} と等しい"),
        Relation::Not(value) => format!("{value} ではない"),
        Relation::MatchedBy(pattern) => format!("`{pattern}` に一致する"),
        Relation::NotMatchedBy(pattern) => format!("`{pattern}` に一致しない"),
        Relation::AtWithin { limit, within } => {
            format!("{}以内に {limit} に達する", span(view, *within))
        }
    }
}
