//! Where the cache and its database are, and what limits it has: the configuration, and the folder that was named.

use std::path::PathBuf;

use crate::cache::Limits;
use crate::cli::DbPlaceArgs;
use crate::command::{CommandError, config};
use crate::config::Variables;
use crate::store;

/// Where a node keeps its files.
#[derive(Debug)]
pub(super) struct Place {
    /// The node's own state, and the socket.
    pub(super) data_folder: PathBuf,
    /// The cache.
    pub(super) root: PathBuf,
    /// What the cache keeps to.
    pub(super) limits: Limits,
    /// Whether recordings that end early are taken.
    pub(super) accept_truncated: bool,
}

impl Place {
    /// Reads the configuration, which alone knows the cache's root.
    pub(super) fn of(args: &DbPlaceArgs, variables: &Variables) -> Result<Self, CommandError> {
        let config = config::read_without_secrets(&args.files, variables)?.config;
        Ok(Self {
            data_folder: args.data_folder.clone().unwrap_or(config.node.data_folder),
            accept_truncated: config.transcode.accept_truncated,
            root: config.cache.root,
            limits: Limits {
                bytes_max: config.cache.bytes_max.bytes(),
                count_max: config.cache.count_max.into(),
                free_bytes_min: config.cache.free_bytes_min.bytes(),
            },
        })
    }

    /// Returns the database's path.
    pub(super) fn database(&self) -> PathBuf {
        self.data_folder.join(store::FILE_NAME)
    }
}
