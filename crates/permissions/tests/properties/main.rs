//! Laws of a repair, over random trees and policies, against a model that knows neither descriptors nor plans.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod model;
mod policies;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use evenkeel_permissions::{AclPolicy, Draft, Kind, Plan, Policy, apply, sweep};
use proptest::prelude::*;

use crate::model::{Expected, State};
use crate::tree::Folder;

/// Random trees cost some files each, and rare combinations are what they are for.
const CASES: u32 = 192;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn a_repair_does_what_the_model_says_and_nothing_else(folder in tree::folder(), draft in policies::draft()) {
        let scratch = tempfile::tempdir().unwrap();
        let outside = scratch.path().join("outside");
        tree::make_outside(&outside);
        let root = scratch.path().join("root");
        folder.make(&root, &outside);
        let draft = Draft { path: root.clone(), ..draft };
        let Ok(policy) = Policy::try_new(draft.clone()) else { return Err(TestCaseError::reject("asks for nothing")) };

        let before = tree::look_at_all(&root);
        let outside_before = tree::look_at_all(&outside);
        prop_assert_eq!(&before, &states(&folder, &root), "the tree is as it was meant");
        let expected = model::expect(&folder, &draft);

        let plan = sweep(&policy).unwrap();
        prop_assert_eq!(&tree::look_at_all(&root), &before, "a sweep changes nothing");
        prop_assert_eq!(refused(&plan), expected.refused.clone());
        prop_assert_eq!(steps(&plan), steps_of_model(&draft, &before, &expected));

        let report = apply(&policy, plan.clone());
        prop_assert_eq!(&report.failed, &[]);
        let planned = plan.steps.iter().map(|step| (&step.path, step.kind, &step.before, &step.after));
        let done = report.repaired.iter().map(|done| (&done.path, done.kind, &done.before, &done.after));
        prop_assert_eq!(planned.collect::<Vec<_>>(), done.collect::<Vec<_>>(), "what was planned was done");
        prop_assert_eq!(tree::look_at_all(&root), expected.states);
        prop_assert_eq!(tree::look_at_all(&outside), outside_before, "nothing outside is touched");

        let second = sweep(&policy).unwrap();
        prop_assert_eq!(&second.steps, &[], "nothing is left to repair");
        prop_assert_eq!(refused(&second), expected.refused);
    }
}

/// Every entry of a tree that is only imagined yet.
fn states(folder: &Folder, root: &Path) -> BTreeMap<PathBuf, State> {
    let nothing = Draft { path: root.to_owned(), ..Draft::default() };
    model::expect(folder, &nothing).states
}

fn refused(plan: &Plan) -> BTreeSet<PathBuf> {
    plan.refused.iter().map(|refused| refused.path.clone()).collect()
}

fn steps(plan: &Plan) -> BTreeMap<PathBuf, BTreeSet<Kind>> {
    let mut steps: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for step in &plan.steps {
        let new = steps.entry(step.path.clone()).or_default().insert(step.kind);
        assert!(new && !step.reason.is_empty(), "{step:?} is said twice, or without a reason");
    }
    steps
}

/// What differs between the tree as it is and as the model has it.
fn steps_of_model(
    draft: &Draft,
    before: &BTreeMap<PathBuf, State>,
    expected: &Expected,
) -> BTreeMap<PathBuf, BTreeSet<Kind>> {
    let enforced = matches!(draft.acl, AclPolicy::Enforce(_));
    let mut steps = BTreeMap::new();
    for (path, before) in before {
        let after = &expected.states[path];
        let kinds: BTreeSet<_> = [
            (before.mode != after.mode, Kind::Mode),
            (before.uid != after.uid, Kind::Owner),
            (before.gid != after.gid, Kind::Group),
            // With a mode its mask changes too, which is no step of its own.
            (enforced && before.access != after.access, Kind::Acl),
            (before.default != after.default, Kind::DefaultAcl),
        ]
        .into_iter()
        .filter_map(|(differs, kind)| differs.then_some(kind))
        .collect();
        if !kinds.is_empty() {
            steps.insert(path.clone(), kinds);
        }
    }
    steps
}
