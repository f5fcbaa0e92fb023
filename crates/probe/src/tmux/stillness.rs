use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

/// Since when each pane of each server shows what it shows.
///
/// Holds one number for each pane that is there, so it cannot grow beyond what one listing may have.
#[derive(Debug, Default)]
pub(crate) struct Stillness(BTreeMap<PathBuf, BTreeMap<String, Still>>);

#[derive(Debug, Clone, Copy)]
struct Still {
    fingerprint: u64,
    since: Instant,
}

impl Stillness {
    /// Takes in what the panes of a server show at `now`; how long each of them has shown it. Panes that are not named are forgotten.
    pub(crate) fn observe(
        &mut self,
        server: &Path,
        now: Instant,
        shown: BTreeMap<String, u64>,
    ) -> BTreeMap<String, Duration> {
        let before = self.0.remove(server).unwrap_or_default();
        let still = |(pane, fingerprint): (String, u64)| {
            let same = before.get(&pane).filter(|before| before.fingerprint == fingerprint);
            let since = same.map_or(now, |before| before.since);
            (pane, Still { fingerprint, since })
        };
        let panes: BTreeMap<_, _> = shown.into_iter().map(still).collect();
        let lasts = |(pane, still): (&String, &Still)| {
            (pane.clone(), now.saturating_duration_since(still.since))
        };
        let lasting = panes.iter().map(lasts).collect();
        self.0.insert(server.to_owned(), panes);
        lasting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_still_since_it_first_showed_what_it_shows() {
        let (mut stillness, start) = (Stillness::default(), Instant::now());
        let mut observe = |server: &str, seconds, shown: &[(&str, u64)]| {
            let shown = shown.iter().map(|(pane, print)| ((*pane).to_owned(), *print)).collect();
            let now = start + Duration::from_secs(seconds);
            let found = stillness.observe(Path::new(server), now, shown);
            found.into_values().map(|still| still.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(observe("/a", 0, &[("%0", 7), ("%1", 7)]), [0, 0]);
        assert_eq!(observe("/a", 10, &[("%0", 7), ("%1", 8)]), [10, 0]);
        assert_eq!(observe("/b", 12, &[("%0", 7)]), [0], "another server");
        assert_eq!(observe("/a", 15, &[("%1", 8)]), [5]);
        assert_eq!(observe("/a", 20, &[("%0", 7), ("%1", 8)]), [0, 10], "it was gone meanwhile");
    }
}
