//! How far a user's word about the processes of a host is believed, where the caller has more rights than he.

use rustix::process::geteuid;

use crate::Process;

/// Whether what this user says may be of anybody's: he is root, or the caller himself.
pub fn speaks_for_all(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

/// Whether this user may say that `process` is what he speaks of: anybody's if he [speaks for all](speaks_for_all), else one that runs as him.
pub fn may_name(user: u32, process: &Process) -> bool {
    let is_his = |process: &Process| {
        process.users().is_ok_and(|users| users.real == user || users.effective == user)
    };
    speaks_for_all(user) || is_his(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_may_name_his_own_processes_alone() {
        let own = Process::open(std::process::id()).unwrap();
        let first = Process::open(1).unwrap();
        let me = geteuid().as_raw();
        let other = me + 1;
        assert!(may_name(me, &own) && may_name(0, &own) && may_name(0, &first));
        assert!(!may_name(other, &own) && !may_name(other, &first));
    }
}
