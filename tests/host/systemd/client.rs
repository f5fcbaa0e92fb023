//! What the client makes of the answers of a real systemd.

use std::future::Future;
use std::time::Duration;

use evenkeel_systemd::{
    ActiveState, JobEnd, KillMode, LoadState, Manager, SystemdError, Unit, UnitName,
};
use evenkeel_tests::{LONG, SystemdHost, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const WEB: &str = "[Service]\nExecStart=sleep 1000000\nKillMode=process\nExecReload=true\n[Install]\nAlias=www.service\n";
const BROKEN: &str = "[Service]\nExecStart=false\n";
const LIMITED: &str = "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nType=exec\nExecStart=sleep 1000000\n";
const SLOW: &str =
    "[Service]\nExecStartPre=sleep 1000000\nExecStart=sleep 1000000\nTimeoutStartSec=1h\n";

fn block_on<Output>(work: impl Future<Output = Output>) -> Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn name(text: &str) -> UnitName {
    UnitName::try_new(text).unwrap()
}

async fn look(manager: &Manager, unit: &str) -> Unit {
    manager.unit(&name(unit), LONG).await.unwrap()
}

#[test]
fn a_unit_is_seen_as_systemd_has_it() {
    let Some(host) = SystemdHost::boot(&[("web.service", WEB), ("broken.service", BROKEN)]) else {
        return;
    };
    host.ok("systemctl enable -q web; systemctl start web; systemctl mask -q tmp.mount; systemctl start broken || true");
    let manager = Manager::at(host.bus());
    block_on(async {
        let web = look(&manager, "web").await;
        assert_eq!(
            (&web.load, &web.active, web.sub.as_str()),
            (&LoadState::Loaded, &ActiveState::Active, "running")
        );
        assert_eq!(
            web.control_group.as_deref().map(|group| group.ends_with("/system.slice/web.service")),
            Some(true)
        );
        assert_eq!(
            (web.kill_mode.clone(), web.service_type.as_str()),
            (Some(KillMode::Process), "simple")
        );
        assert_eq!(web.main_pid.map(|pid| pid.to_string()), Some(host.property("web", "MainPID")));
        assert_eq!(web.invocation, Some(host.property("web", "InvocationID")));
        assert_eq!(look(&manager, "www.service").await, web, "an alias is the same unit");

        let broken = look(&manager, "broken").await;
        assert_eq!((broken.active, broken.result.as_str()), (ActiveState::Failed, "exit-code"));
        let masked = look(&manager, "tmp.mount").await;
        assert_eq!(masked.load, LoadState::Masked);
        // A unit of another kind, without what only services have.
        let target = look(&manager, "multi-user.target").await;
        assert_eq!(
            (target.active, target.main_pid, target.kill_mode),
            (ActiveState::Active, None, None)
        );
    });
}

#[test]
fn a_unit_that_does_not_exist_is_told_with_those_like_it() {
    let Some(host) = SystemdHost::boot(&[("web.service", WEB)]) else { return };
    let manager = Manager::at(host.bus());
    block_on(async {
        let error = manager.unit(&name("wbe"), LONG).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "systemd knows no unit `wbe.service`; like it: `web.service`"
        );
        // Also where systemd itself is the one who finds out.
        for asked in [
            manager.reset_failed(&name("wbe"), LONG).await,
            manager.stop(&name("wbe"), LONG).await.map(drop),
        ] {
            assert!(matches!(asked, Err(SystemdError::NoSuchUnit { .. })), "{asked:?}");
        }
        let missing = manager.missing(&[name("web"), name("wbe")], LONG).await.unwrap();
        assert_eq!(missing, [(name("wbe"), vec!["web.service".to_owned()])]);
    });
}

#[test]
fn a_job_is_waited_for_and_its_end_told() {
    let units = [
        ("web.service", WEB),
        ("broken.service", "[Service]\nType=exec\nExecStart=/no/such/file\n"),
    ];
    let Some(host) = SystemdHost::boot(&units) else { return };
    host.ok("systemctl mask -q tmp.mount");
    let manager = Manager::at(host.bus());
    block_on(async {
        assert_eq!(manager.start(&name("web"), LONG).await.unwrap(), JobEnd::Done);
        let first = look(&manager, "web").await;
        assert_eq!(manager.restart(&name("web"), LONG).await.unwrap(), JobEnd::Done);
        let second = look(&manager, "web").await;
        assert_ne!(first.invocation, second.invocation);
        assert_eq!(manager.reload(&name("web"), LONG).await.unwrap(), JobEnd::Done);
        assert_eq!(look(&manager, "web").await.invocation, second.invocation);
        assert_eq!(manager.stop(&name("web"), LONG).await.unwrap(), JobEnd::Done);
        assert_eq!(look(&manager, "web").await.active, ActiveState::Inactive);
        assert_eq!(manager.start(&name("broken"), LONG).await.unwrap(), JobEnd::Failed);
        let masked = manager.start(&name("tmp.mount"), LONG).await;
        assert!(matches!(masked, Err(SystemdError::Masked { .. })), "{masked:?}");
    });
}

#[test]
fn a_unit_that_hit_its_start_limit_starts_again_after_a_reset() {
    let Some(host) = SystemdHost::boot(&[("limited.service", LIMITED)]) else { return };
    let manager = Manager::at(host.bus());
    block_on(async {
        let limited = name("limited");
        for _ in 0..2 {
            assert_eq!(manager.restart(&limited, LONG).await.unwrap(), JobEnd::Done);
        }
        assert_eq!(manager.restart(&limited, LONG).await.unwrap(), JobEnd::Failed);
        assert!(look(&manager, "limited").await.hit_start_limit());
        manager.reset_failed(&limited, LONG).await.unwrap();
        assert_eq!(manager.start(&limited, LONG).await.unwrap(), JobEnd::Done);
        assert_eq!(look(&manager, "limited").await.active, ActiveState::Active);
    });
}

#[test]
fn who_stops_waiting_for_a_job_does_not_stop_the_job() {
    let Some(host) = SystemdHost::boot(&[("slow.service", SLOW)]) else { return };
    let manager = Manager::at(host.bus());
    block_on(async {
        let error = manager.start(&name("slow"), Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(error, SystemdError::TimedOut { .. }), "{error}");
        let slow = look(&manager, "slow").await;
        assert_eq!((slow.active, slow.sub.as_str()), (ActiveState::Activating, "start-pre"));
        assert_eq!(manager.stop(&name("slow"), LONG).await.unwrap(), JobEnd::Done);
        // Someone else ends it: the one who waits hears of that.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                host.await_property("slow", "SubState", "start-pre");
                host.ok("systemctl stop slow");
            });
            let manager = Manager::at(host.bus());
            let end = scope.spawn(move || block_on(manager.start(&name("slow"), LONG)));
            assert!(matches!(end.join().unwrap(), Ok(JobEnd::Canceled)));
        });
    });
}

#[test]
fn a_frozen_systemd_and_one_whose_bus_was_restarted_are_survived() {
    let Some(host) = SystemdHost::boot(&[("web.service", WEB)]) else { return };
    host.ok("systemctl start web");
    let manager = Manager::at(host.bus());
    let leader = Pid::from_raw(host.leader().cast_signed());
    block_on(async {
        kill(leader, Signal::SIGSTOP).unwrap();
        let error = manager.unit(&name("web"), Duration::from_secs(1)).await.unwrap_err();
        kill(leader, Signal::SIGCONT).unwrap();
        assert!(matches!(error, SystemdError::TimedOut { .. }), "{error}");
        assert_eq!(look(&manager, "web").await.active, ActiveState::Active);

        host.ok("systemctl kill --kill-whom=main -s KILL dbus");
        until("the bus is back", LONG, || {
            host.sh("busctl --timeout=5 status org.freedesktop.systemd1").code == Some(0)
        });
        assert_eq!(look(&manager, "web").await.active, ActiveState::Active);
    });
}
