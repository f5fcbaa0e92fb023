//! When somebody keeps undoing repairs (docs/decisions/0004): pure, `now` is an argument.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So many repairs of one entry within [`FIGHT_WINDOW`] are a fight.
pub const FIGHT_TIMES: u32 = 5;
/// How far back repairs count; an entry that was left in peace for so long is fought over no more.
pub const FIGHT_WINDOW: Duration = Duration::from_mins(10);
/// The first pause of a fight; each further one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause of a fight. Shorter than the window, or a fight would be forgotten in its pause.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Beyond so many entries only those that were repaired more than once are kept in mind: a burst over a large tree is no
/// fight, and must not cost memory without limit.
const MOST_TRACKED: usize = 65_536;

/// One round of a fight: what was repaired once more will now be left alone for a while, however it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// How often the entry has been repaired since the fight, or what led to it, began.
    pub times: u32,
    /// How long it will be left alone.
    pub pause: Duration,
}

/// Keeps count of repairs, entry by entry, and says when to pause.
///
/// An entry is a name: whether the opponent changes the file or puts another in its place makes no difference to the loop
/// that both would be in.
#[derive(Debug, Default)]
pub struct Fights {
    tracks: HashMap<PathBuf, Track>,
}

#[derive(Debug)]
struct Track {
    /// The last repairs, oldest first; never more than [`FIGHT_TIMES`].
    recent: Vec<Instant>,
    /// Repairs since this track began.
    times: u32,
    /// Pauses so far.
    rounds: u32,
    paused_until: Option<Instant>,
    /// Whether the entry was asked for while it was paused.
    wanted: bool,
}

impl Fights {
    /// Nobody has been seen to undo anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// An entry was put right at `now`. `Some`: it is a fight, and a pause begins.
    pub fn repaired(&mut self, now: Instant, path: &Path) -> Option<Round> {
        if self.tracks.len() >= MOST_TRACKED && !self.tracks.contains_key(path) {
            self.make_room(now);
        }
        let track = self.tracks.entry(path.to_owned()).or_insert_with(Track::new);
        if track.is_over(now) {
            *track = Track::new();
        }
        track.repaired(now)
    }

    /// Until when an entry is to be left alone, if it is. One that was asked for is [`Fights::due`] when its pause ends.
    pub fn paused(&mut self, now: Instant, path: &Path) -> Option<Instant> {
        let track = self.tracks.get_mut(path)?;
        let until = track.paused_until.filter(|until| now < *until)?;
        track.wanted = true;
        Some(until)
    }

    /// Whether an entry is paused and was asked for before: nothing new is to be learnt about it.
    pub fn is_known_to_wait(&self, now: Instant, path: &Path) -> bool {
        self.tracks.get(path).is_some_and(|track| {
            track.wanted && track.paused_until.is_some_and(|until| now < until)
        })
    }

    /// The entries that were asked for while they were paused and whose pause is over, each once.
    pub fn due(&mut self, now: Instant) -> Vec<PathBuf> {
        let is_due =
            |track: &Track| track.wanted && track.paused_until.is_some_and(|until| until <= now);
        let mut due = Vec::new();
        for (path, track) in self.tracks.iter_mut().filter(|(_, track)| is_due(track)) {
            track.wanted = false;
            due.push(path.clone());
        }
        due
    }

    /// When [`Fights::due`] has something to say; `None`: not before another repair.
    pub fn deadline(&self) -> Option<Instant> {
        self.tracks
            .values()
            .filter(|track| track.wanted)
            .filter_map(|track| track.paused_until)
            .min()
    }

    /// Forgets entries that were left in peace; to be called now and then.
    pub fn forget(&mut self, now: Instant) {
        self.tracks.retain(|_, track| !track.is_over(now));
        self.tracks.shrink_to(self.tracks.len() * 2);
    }

    fn make_room(&mut self, now: Instant) {
        self.tracks.retain(|_, track| !track.is_over(now) && track.times > 1);
    }
}

impl Track {
    fn new() -> Self {
        Self { recent: Vec::new(), times: 0, rounds: 0, paused_until: None, wanted: false }
    }

    fn repaired(&mut self, now: Instant) -> Option<Round> {
        self.recent.retain(|at| now.saturating_duration_since(*at) < FIGHT_WINDOW);
        if self.recent.len() >= FIGHT_TIMES as usize {
            self.recent.remove(0);
        }
        self.recent.push(now);
        self.times += 1;
        self.wanted = false;
        // A fight goes on where it was: one more repair after a pause is one more round.
        if self.rounds == 0 && self.recent.len() < FIGHT_TIMES as usize {
            return None;
        }
        let pause =
            FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.rounds)).min(LONGEST_PAUSE);
        self.rounds += 1;
        self.paused_until = Some(now + pause);
        Some(Round { times: self.times, pause })
    }

    /// Whether nothing has been repaired for a window, and nothing waits to be.
    fn is_over(&self, now: Instant) -> bool {
        let last = self.recent.last();
        !self.wanted && last.is_none_or(|at| now.saturating_duration_since(*at) >= FIGHT_WINDOW)
    }
}

#[cfg(test)]
mod tests;
