//! Which elements of two sides belong together, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use super::eval::{Element, EvalError, Sides};
use super::{Labels, Matching, NAME_LABEL, SetOperator};

impl Matching {
    /// What must be equal for two elements to belong together.
    fn key(&self, labels: &Labels) -> Labels {
        let labels = labels.clone();
        match self {
            Self::All => labels.without_name(),
            Self::On(names) => labels.only(names),
            Self::Ignoring(names) => labels.without_name().without(names),
        }
    }

    /// The labels of what becomes of two elements that belong together.
    fn kept(&self, labels: Labels) -> Labels {
        match self {
            Self::All => labels,
            Self::On(names) => labels.only(names),
            Self::Ignoring(names) => labels.without(names),
        }
    }

    /// Every pair of elements that belong together and of which `operate` makes something.
    ///
    /// Fails if an element has two others to choose from.
    pub(super) fn pair(
        &self,
        sides: Sides,
        drop_name: bool,
        operate: impl Fn(f64, f64) -> Option<f64>,
    ) -> Result<Vec<Element>, EvalError> {
        if sides.left.is_empty() || sides.right.is_empty() {
            return Ok(Vec::new());
        }
        let mut right = BTreeMap::new();
        for element in sides.right {
            if right.insert(self.key(&element.labels), element.value).is_some() {
                return Err(EvalError::ManyToMany { labels: element.labels });
            }
        }
        let mut used = BTreeSet::new();
        let mut out = Vec::new();
        for element in sides.left {
            let key = self.key(&element.labels);
            let Some(value) = right.get(&key).and_then(|other| operate(element.value, *other))
            else {
                continue;
            };
            if !used.insert(key) {
                return Err(EvalError::ManyToOne { labels: element.labels });
            }
            let mut labels = self.kept(element.labels);
            if drop_name {
                labels.set(NAME_LABEL, "");
            }
            out.push(Element { labels, value });
        }
        Ok(out)
    }

    /// The elements that a set operator keeps.
    pub(super) fn combine(&self, sides: Sides, operator: SetOperator) -> Vec<Element> {
        let keys = |elements: &[Element]| -> BTreeSet<Labels> {
            elements.iter().map(|element| self.key(&element.labels)).collect()
        };
        let Sides { mut left, mut right } = sides;
        match operator {
            SetOperator::And => {
                let keys = keys(&right);
                left.retain(|element| keys.contains(&self.key(&element.labels)));
            }
            SetOperator::Unless => {
                let keys = keys(&right);
                left.retain(|element| !keys.contains(&self.key(&element.labels)));
            }
            SetOperator::Or => {
                let keys = keys(&left);
                right.retain(|element| !keys.contains(&self.key(&element.labels)));
                left.append(&mut right);
            }
        }
        left
    }
}
