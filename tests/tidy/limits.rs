//! The numbers and tables that the rules hold the tree to. Read this file first; the rules are beside it.
//!
//! Raising a limit is a decision of the project, not a way out of a failing test.

/// A file of more lines (its tests left out) needs an entry in [`LONG_FILES`].
pub(crate) const FILE_LINES: usize = 400;
/// No entry helps a file that is longer than this.
pub(crate) const FILE_LINES_MAX: usize = 700;
/// A function of more lines, signature and braces included, needs an entry in [`LONG_FUNCTIONS`].
pub(crate) const FUNCTION_LINES: usize = 70;
/// Half of all functions are shorter than this.
pub(crate) const FUNCTION_LINES_MEDIAN: usize = 10;
/// Nine of ten functions have at most this many lines.
pub(crate) const FUNCTION_LINES_P90: usize = 35;
/// Lines of comment in a hundred lines that are not blank, tests left out.
pub(crate) const COMMENT_PERCENT: std::ops::RangeInclusive<usize> = 10..=30;

/// Ratchet: files over [`FILE_LINES`] and their lines today. An entry may only shrink.
pub(crate) const LONG_FILES: &[(&str, usize)] = &[];
/// Ratchet: functions over [`FUNCTION_LINES`], as `path::name`, and their lines today. An entry may only shrink.
pub(crate) const LONG_FUNCTIONS: &[(&str, usize)] = &[];

/// What each top-level module of the crate may use; itself it may always use.
pub(crate) const LAYERS: &[(&str, &[&str])] = &[
    ("media", &["figure"]),
    ("failure", &[]),
    ("figure", &[]),
    ("printable", &[]),
    ("clock", &[]),
    ("event", &[]),
    ("redis_server", &["failure"]),
    ("room", &["failure"]),
    ("atomic_file", &["failure"]),
    ("held_lock", &[]),
    ("content_hash", &[]),
    ("checked_line", &["content_hash"]),
    ("av", &["media", "failure", "room", "printable"]),
    ("proof", &["av", "media", "failure", "content_hash"]),
    ("clip", &["av", "media", "failure"]),
    (
        "transcode",
        &[
            "proof",
            "av",
            "media",
            "failure",
            "figure",
            "printable",
            "room",
            "atomic_file",
            "content_hash",
            "checked_line",
            "clock",
        ],
    ),
    ("store", &["failure", "figure", "clock", "event", "atomic_file", "held_lock"]),
    ("config", &["failure", "figure", "media"]),
    (
        "download",
        &[
            "failure",
            "figure",
            "room",
            "atomic_file",
            "content_hash",
            "checked_line",
            "clock",
            "media",
            "held_lock",
        ],
    ),
    (
        "cache",
        &[
            "proof",
            "store",
            "media",
            "failure",
            "figure",
            "room",
            "atomic_file",
            "content_hash",
            "checked_line",
            "clock",
            "event",
            "held_lock",
        ],
    ),
    ("legacy", &["cache", "store", "media", "failure", "figure", "clock", "event"]),
    ("control", &["failure", "clock", "held_lock"]),
    // Messages and decisions; their Redis consumer tells the worker through a trait of its own.
    ("booking", &["media", "failure", "figure", "content_hash", "clock", "redis_server"]),
    // Tells others of what is recorded; where it may dial the download's guard says.
    ("notify", &["store", "download", "failure", "figure", "clock", "event", "redis_server"]),
    // Asks other systems for renditions: targets of events like any other.
    ("provider", &["notify", "store", "download", "clock"]),
    (
        "api",
        &[
            "worker",
            "notify",
            "booking",
            "cache",
            "store",
            "media",
            "failure",
            "figure",
            "content_hash",
            "clock",
            "event",
        ],
    ),
    (
        "worker",
        &[
            "booking",
            "notify",
            "provider",
            "cache",
            "control",
            "transcode",
            "download",
            "store",
            "proof",
            "av",
            "media",
            "failure",
            "figure",
            "room",
            "atomic_file",
            "content_hash",
            "clock",
            "printable",
            "event",
            "redis_server",
        ],
    ),
    ("telemetry", &["av", "failure", "printable"]),
    ("cli", &["media", "transcode", "config", "download", "cache", "failure", "telemetry"]),
    (
        "command",
        &[
            "cli",
            "worker",
            "api",
            "booking",
            "notify",
            "provider",
            "legacy",
            "control",
            "cache",
            "transcode",
            "download",
            "printable",
            "config",
            "store",
            "clip",
            "proof",
            "av",
            "media",
            "failure",
            "figure",
            "atomic_file",
            "content_hash",
            "clock",
            "event",
            "redis_server",
            "telemetry",
            "held_lock",
        ],
    ),
    ("main", &["cli", "command", "telemetry", "failure"]),
];

/// The steps of the work: values in, values out. None knows another; `command` chains them.
pub(crate) const STAGES: &[&str] = &["transcode", "clip", "download", "cache", "booking"];

/// Names of files and folders that say nothing about what is inside.
pub(crate) const BANNED_NAMES: &[&str] =
    &["core", "common", "util", "utils", "helper", "helpers", "misc", "models", "manager", "service"];

/// A word that belongs to one part of the tree.
pub(crate) struct Fence {
    /// For messages.
    pub(crate) what: &'static str,
    /// Words of code, each whole.
    pub(crate) words: &'static [&'static str],
    /// What must follow the word, "" for anything.
    pub(crate) followed_by: &'static str,
    /// Paths, or beginnings of paths, inside the fence. A name without `/` stands for files of that name.
    pub(crate) inside: &'static [&'static str],
    /// Whether tests are free of it.
    pub(crate) tests_are_free: bool,
}

/// The fences, as far as words of code tell.
pub(crate) const FENCES: &[Fence] = &[
    Fence {
        what: "libav",
        words: &["unsafe", "ffmpeg_next", "ffmpeg_sys_next"],
        followed_by: "",
        inside: &["src/av.rs", "src/av/"],
        tests_are_free: false,
    },
    Fence {
        what: "the database",
        words: &["rusqlite", "sqlx"],
        followed_by: "",
        inside: &["src/store.rs", "src/store/"],
        tests_are_free: false,
    },
    Fence {
        what: "the environment",
        words: &["env"],
        followed_by: "::",
        inside: &["src/cli.rs", "src/cli/", "src/config.rs", "src/config/", "src/main.rs", "build.rs"],
        tests_are_free: true,
    },
    Fence {
        what: "the environment",
        words: &["from_default_env", "try_from_default_env", "from_env", "try_from_env"],
        followed_by: "(",
        inside: &["src/cli.rs", "src/cli/", "src/config.rs", "src/config/", "src/main.rs"],
        tests_are_free: true,
    },
    Fence {
        what: "a wire format",
        words: &["Serialize", "Deserialize"],
        followed_by: "",
        inside: &["wire.rs", "message.rs", "src/config/"],
        tests_are_free: true,
    },
];

/// Where SQL may stand.
pub(crate) const SQL_INSIDE: &[&str] = &["src/store.rs", "src/store/"];

/// Error codes that no test reaches, and why.
pub(crate) const UNTESTED_CODES: &[(&str, &str)] = &[
    ("ENCODE_FAILED", "the encoders that are here take every frame that they were opened for"),
    ("SOURCE_READ", "needs a disk that fails in mid-file"),
    ("THREAD_LIMIT", "root, as which tests run, is not bound by the limit on processes"),
];
