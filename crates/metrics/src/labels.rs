//! Label values as types: what is not listed here cannot become a series.

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text of the label.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

label! {
    /// What a permission repair set right.
    RepairKind {
        /// Permission bits.
        Mode = "mode",
        /// The owning user.
        Owner = "owner",
        /// The owning group.
        Group = "group",
        /// The access control list.
        Acl = "acl",
        /// The default list of a directory.
        DefaultAcl = "default_acl",
        /// A missing directory was made.
        Created = "created",
    }
}

label! {
    /// What a cleanup rule does with what is due.
    CleanupAction {
        /// It is removed.
        Delete = "delete",
        /// The file is cut, perhaps keeping its tail.
        Truncate = "truncate",
        /// It is kept aside for a while, from where it can be brought back.
        Trash = "trash",
        /// It is replaced by a compressed one.
        Compress = "compress",
        /// What was kept aside goes for good.
        Purge = "purge",
    }
}

label! {
    /// State of a check, as people and rules see it.
    CheckState {
        /// No result yet, or none that is fresh.
        Unknown = "unknown",
        /// Good.
        Up = "up",
        /// Failing, but not often enough to be down.
        Suspect = "suspect",
        /// Down.
        Down = "down",
        /// Good again, but not often enough to be up.
        Recovering = "recovering",
        /// Answers, but worse than it should.
        Degraded = "degraded",
        /// Changes too often to be trusted.
        Flapping = "flapping",
        /// A person holds it.
        Held = "held",
    }
}

label! {
    /// Why an attempt of a check failed.
    FailureReason {
        /// The name did not resolve.
        Dns = "dns",
        /// Nobody listens.
        Refused = "refused",
        /// No answer in time.
        Timeout = "timeout",
        /// No secure connection.
        Tls = "tls",
        /// An answer with the wrong status.
        Status = "status",
        /// An answer with the wrong content.
        Body = "body",
        /// A program or process ended badly.
        Exit = "exit",
        /// A figure is over or under its limit.
        Limit = "limit",
        /// A figure will be beyond its limit before long, by its trend.
        Leak = "leak",
        /// The target is not there.
        Missing = "missing",
        /// The target may not be asked.
        Denied = "denied",
    }
}

label! {
    /// State of a breaker.
    BreakerState {
        /// Calls pass.
        Closed = "closed",
        /// Calls are refused.
        Open = "open",
        /// Trial calls pass.
        HalfOpen = "half_open",
    }
}

label! {
    /// How a decision about a recovery ended.
    RecoveryOutcome {
        /// The check came back and stayed.
        Recovered = "recovered",
        /// The check came back and failed again.
        Relapsed = "relapsed",
        /// The action failed, or the check did not come back.
        Failed = "failed",
        /// Nothing was done, for a reason that the journal has.
        Refused = "refused",
    }
}

label! {
    /// What looks at the host, or at what the agent itself keeps.
    Collector {
        /// A permission rule.
        Permissions = "permissions",
        /// A cleanup rule.
        Cleanup = "cleanup",
        /// A check of a process: what `/proc` says of it.
        Process = "process",
        /// A check that asks a supervisord.
        Supervisor = "supervisor",
        /// A check that asks systemd.
        Systemd = "systemd",
        /// The rolling up of the journal's samples.
        Rollup = "rollup",
        /// The evaluation of alert rules in the agent.
        Alerts = "alerts",
        /// The agent's look at its own use of resources.
        Agent = "agent",
    }
}

label! {
    /// What a time slice of an objective's checks counted as.
    SliceVerdict {
        /// Every check was good.
        Good = "good",
        /// A check was bad.
        Bad = "bad",
        /// Nothing is known of a check.
        Unknown = "unknown",
        /// It was announced that the checks may be bad.
        Maintenance = "maintenance",
    }
}

label! {
    /// A window over which the burn of an error budget is looked at.
    BurnWindow {
        /// Five minutes.
        FiveMinutes = "5m",
        /// Half an hour.
        HalfHour = "30m",
        /// An hour.
        Hour = "1h",
        /// Two hours.
        TwoHours = "2h",
        /// Six hours.
        SixHours = "6h",
        /// A day.
        Day = "1d",
        /// Three days.
        ThreeDays = "3d",
    }
}

label! {
    /// How a notification of alerts ended.
    NotificationOutcome {
        /// The receiver took it.
        Sent = "sent",
        /// An attempt failed; there may be others.
        Failed = "failed",
        /// It was given up.
        Dropped = "dropped",
    }
}
