/// The unit of systemd that a cgroup belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The unit of the system's manager, such as `ssh.service` or `user@1000.service`.
    pub system: String,
    /// The unit of that user's own manager, if it is one.
    pub user: Option<String>,
}

/// Kinds of units that have processes.
const SUFFIXES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];

impl Unit {
    /// Reads the path of a cgroup as systemd lays it out: slices, then a unit, then what the unit made of its own cgroup.
    ///
    /// `None` for a path that is not of systemd. Source: `cg_path_get_unit` in systemd's `cgroup-util.c`.
    pub fn of_cgroup(path: &str) -> Option<Self> {
        let mut components = components(path);
        let system = after_slices(&mut components)?;
        let is_manager = system.starts_with("user@") && system.ends_with(".service");
        let user = if is_manager { after_slices(&mut components) } else { None };
        Some(Self { system, user })
    }

    /// How many components of the path lead to the unit, itself included.
    pub(crate) fn depth(path: &str) -> Option<usize> {
        Self::of_cgroup(path)?;
        components(path).position(|component| !is_slice(component)).map(|place| place + 1)
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|component| !component.is_empty())
}

fn is_slice(component: &str) -> bool {
    component.strip_suffix(".slice").is_some()
}

fn after_slices<'path>(components: &mut impl Iterator<Item = &'path str>) -> Option<String> {
    let first = components.find(|component| !is_slice(component))?;
    // A name that the kernel would take for one of its own files has this in front.
    let name = first.strip_prefix('_').unwrap_or(first);
    let is_unit = SUFFIXES
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty()));
    is_unit.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, Option<&str>)>) {
        let expected = expected.map(|(system, user)| Unit {
            system: system.to_owned(),
            user: user.map(str::to_owned),
        });
        assert_eq!(Unit::of_cgroup(path), expected, "{path}");
    }

    #[test]
    fn a_unit_is_found_behind_its_slices() {
        check("/system.slice/ssh.service", Some(("ssh.service", None)));
        check(
            "/system.slice/system-getty.slice/getty@tty1.service",
            Some(("getty@tty1.service", None)),
        );
        check("/init.scope", Some(("init.scope", None)));
        check("/system.slice/docker-0a.scope/nested/x.service", Some(("docker-0a.scope", None)));
        check("/system.slice/_cgroup.service", Some(("cgroup.service", None)));
    }

    #[test]
    fn a_unit_of_a_user_is_named_with_its_manager() {
        check(
            "/user.slice/user-1000.slice/user@1000.service/app.slice/tmux.service",
            Some(("user@1000.service", Some("tmux.service"))),
        );
        check("/user.slice/user-1000.slice/session-3.scope", Some(("session-3.scope", None)));
        check(
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            Some(("user@1000.service", Some("init.scope"))),
        );
    }

    #[test]
    fn other_paths_are_of_no_unit() {
        for path in
            ["/", "", "/process_api/f32", "/system.slice", "/.service", "/docker/abc/x.service"]
        {
            check(path, None);
        }
    }

    proptest! {
        #[test]
        fn no_path_is_too_strange(path in "(/|[a-z@_.]|\\.slice|\\.service|\\PC){0,30}") {
            let _ = Unit::of_cgroup(&path);
        }
    }
}
