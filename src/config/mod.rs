//! The configuration: read from files and the environment, checked as a whole, and then unchanging.
//!
//! Settings come from a `.env` of older systems, `reelmill.toml` and `REELMILL_…` variables, the later before the
//! earlier; whatever is wrong in any of them is told at once, each fault with its place. `setting` is the one table of
//! keys. Nothing here acts on a setting, nor opens what a setting names, secrets aside.

mod agreement;
mod document;
mod dotenv;
mod env;
mod error;
mod file;
mod form;
mod key;
mod legacy;
mod origin;
mod reading;
mod secret;
mod setting;
mod value;
mod written;

#[cfg(test)]
mod tests;

pub use document::{document, sample};
pub use env::Variables;
pub use error::{ConfigError, Fault};
pub use form::{byte_rate, duration};
pub use origin::Origin;
pub use reading::{DEFAULT_FILE, Reading, Setting, Sources, matching, read};
pub use setting::{
    ApiSettings, BookingSettings, CacheSettings, Config, DownloadSettings, EcsSettings, NodeSettings,
    ObjectSettings, OssSettings, RedisSettings, ServiceSettings, TranscodeSettings, WebhookSettings,
};
pub use value::{Allowed, Isolation, Provider, Rate, Secret, SecretFile, Size, TimeOfDay, Window};
