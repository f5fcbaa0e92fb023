//! When somebody keeps undoing repairs (docs/decisions/0004): pure, `now` is an argument.

use std::collections::{BTreeSet, HashMap};
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
/// Where all of them were repaired more than once, room is looked for so often; meanwhile no other entry is kept in mind.
const FULL: Duration = Duration::from_secs(10);

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
    /// The entries that were asked for while they were paused, by the end of their pause.
    waiting: BTreeSet<(Instant, PathBuf)>,
    /// When room was last looked for and not found.
    full: Option<Instant>,
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
        if self.tracks.len() >= MOST_TRACKED
            && !self.tracks.contains_key(path)
            && !self.makes_room(now)
        {
            return None;
        }
        let track = self.tracks.entry(path.to_owned()).or_insert_with(Track::new);
        if let Some(until) = track.wanted_at() {
            self.waiting.remove(&(until, path.to_owned()));
        }
        if track.is_over(now) {
            *track = Track::new();
        }
        track.repaired(now)
    }

    /// Until when an entry is to be left alone, if it is. One that was asked for is [`Fights::due`] when its pause ends.
    pub fn paused(&mut self, now: Instant, path: &Path) -> Option<Instant> {
        let track = self.tracks.get_mut(path)?;
        let until = track.paused_until.filter(|until| now < *until)?;
        if !track.wanted {
            track.wanted = true;
            self.waiting.insert((until, path.to_owned()));
        }
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
        let mut due = Vec::new();
        while self.waiting.first().is_some_and(|(until, _)| *until <= now) {
            let Some((_, path)) = self.waiting.pop_first() else { break };
            if let Some(track) = self.tracks.get_mut(&path) {
                track.wanted = false;
            }
            due.push(path);
        }
        due
    }

    /// When [`Fights::due`] has something to say; `None`: not before another repair.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// Forgets entries that were left in peace; to be called now and then.
    pub fn forget(&mut self, now: Instant) {
        self.tracks.retain(|_, track| !track.is_over(now));
        self.tracks.shrink_to(self.tracks.len() * 2);
    }

    /// Whether another entry can be kept in mind, if need be in the place of those that were repaired once.
    fn makes_room(&mut self, now: Instant) -> bool {
        if self.full.is_some_and(|since| now.saturating_duration_since(since) < FULL) {
            return false;
        }
        self.tracks.retain(|_, track| !track.is_over(now) && track.times > 1);
        self.full = (self.tracks.len() >= MOST_TRACKED).then_some(now);
        self.full.is_none()
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

    /// Until when it is paused, if it was asked for meanwhile.
    fn wanted_at(&self) -> Option<Instant> {
        self.paused_until.filter(|_| self.wanted)
    }

    /// Whether nothing has been repaired for a window, and nothing waits to be.
    fn is_over(&self, now: Instant) -> bool {
        let last = self.recent.last();
        !self.wanted && last.is_none_or(|at| now.saturating_duration_since(*at) >= FIGHT_WINDOW)
    }
}

#[cfg(test)]
mod tests;
