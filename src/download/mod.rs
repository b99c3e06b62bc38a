//! Recordings from an origin: over HTTP, within a budget of bytes per second, resumed only where it is proven that the
//! bytes continue the same object, and on the disk when it says so.
//!
//! ```text
//! fetch ── asks ──▶ connection (guard, tls) ── Head ──▶ range::decide ── Action ──▶ body ──▶ part_file ──▶ Fetched
//!   ▲                                                                     │ pieces pass rate_limit, watched by stall
//!   └───────────── retry: wait, then ask for the rest ◀───────────────────┘
//! ```
//!
//! Decisions are pure (`guard`, `range`, `retry`, `stall`, `window`, the arithmetic of `rate_limit`). What the bytes mean
//! as media is `av`'s business, where the file goes in the end the caller's.

mod body;
mod connection;
mod digest;
mod error;
mod fetch;
mod guard;
mod look;
mod own_file;
mod part_file;
mod post;
mod progress;
mod range;
mod rate_limit;
mod receive;
mod redirect;
mod request;
mod retry;
mod run;
mod sidecar;
mod stall;
mod tls;
mod window;
mod wire;

pub use connection::{Dialer, Resolve, Timeouts, system_resolver};
pub use error::DownloadError;
pub use fetch::Downloader;
pub use guard::{Allowed, Guard, Refusal, Target};
pub use look::Looked;
pub use part_file::{part_path, sidecar_path};
pub use post::Posted;
pub use progress::{Phase, Progress};
pub use range::Validator;
pub use rate_limit::{JobLimit, Pace, Rate, RateLimit};
pub use request::{Fetched, Report, Request, parse_url};
pub use retry::Patience;
pub use stall::StallRule;
pub use tls::Tls;
pub use window::{Window, follow, rate_at};
