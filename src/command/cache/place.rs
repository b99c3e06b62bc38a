//! Where the cache and its database are, and what limits it has: the configuration, and the folder that was named.

use std::path::PathBuf;

use crate::cache::Limits;
use crate::cli::DbPlaceArgs;
use crate::command::{CommandError, config};
use crate::config::{Config, Variables};
use crate::store;

/// Where a node keeps its files.
#[derive(Debug)]
pub(in crate::command) struct Place {
    /// The node's own state, and the socket.
    pub(in crate::command) data_folder: PathBuf,
    /// The cache.
    pub(super) root: PathBuf,
    /// What the cache keeps to.
    pub(in crate::command) limits: Limits,
    /// Whether recordings that end early are taken.
    pub(in crate::command) accept_truncated: bool,
}

impl Place {
    /// Reads the configuration, which alone knows the cache's root.
    pub(super) fn of(args: &DbPlaceArgs, variables: &Variables) -> Result<Self, CommandError> {
        let place = Self::configured(&config::read_without_secrets(&args.files, variables)?.config);
        Ok(Self { data_folder: args.data_folder.clone().unwrap_or(place.data_folder), ..place })
    }

    /// Returns what the configuration says.
    pub(in crate::command) fn configured(config: &Config) -> Self {
        Self {
            data_folder: config.node.data_folder.clone(),
            accept_truncated: config.transcode.accept_truncated,
            root: config.cache.root.clone(),
            limits: Limits {
                bytes_max: config.cache.bytes_max.bytes(),
                count_max: config.cache.count_max.into(),
                free_bytes_min: config.cache.free_bytes_min.bytes(),
            },
        }
    }

    /// Returns the database's path.
    pub(super) fn database(&self) -> PathBuf {
        self.data_folder.join(store::FILE_NAME)
    }
}
