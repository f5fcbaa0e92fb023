use std::time::Duration;

use crate::{Manager, SystemdError, UnitName};

/// Which of `names` the host's systemd does not know, each with names that may have been meant: for callers without a runtime.
///
/// Works on a thread of its own, and returns when that has ended.
pub fn missing_units(
    names: &[UnitName],
    deadline: Duration,
) -> Result<Vec<(UnitName, Vec<String>)>, SystemdError> {
    let lost = |reason: &str| SystemdError::Lost { reason: reason.to_owned() };
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| lost(&error.to_string()))?;
        runtime.block_on(Manager::system().missing(names, deadline))
    };
    std::thread::scope(|scope| scope.spawn(ask).join())
        .unwrap_or_else(|_| Err(lost("the thread that asked ended by a defect")))
}
