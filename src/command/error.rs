//! What can go wrong between the typed command and the engine, and after it.

use std::io;
use std::path::PathBuf;

use crate::failure::{ExitCode, Failure, FailureClass, is_disk_full};
use crate::media::RenditionName;

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line was refused by its parser.
    #[error("{0}")]
    Usage(String),
    /// One rung is asked for twice.
    #[error("{0} is asked for twice")]
    RenditionTwice(RenditionName),
    /// Several renditions, one file name.
    #[error("{count} renditions cannot go into the one file {}", path.display())]
    SeveralIntoOneFile {
        /// The file.
        path: PathBuf,
        /// How many renditions.
        count: usize,
    },
    /// The extension names no container that we write.
    #[error("the name {} does not say which container to write", path.display())]
    OutputExtension {
        /// The file.
        path: PathBuf,
    },
    /// `--container` and the extension disagree.
    #[error("--container {container} contradicts the name {}", path.display())]
    ContainerMismatch {
        /// What was asked for.
        container: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The address does not say how to call the file.
    #[error("the address names no file: {0:?}")]
    NamelessUrl(String),
    /// There is no such source.
    #[error("there is no file {}", .0.display())]
    SourceMissing(PathBuf),
    /// The source is an address.
    #[error("{} is a network address", .0.display())]
    SourceRemote(PathBuf),
    /// The source is a folder, device or pipe.
    #[error("{} is {what}, not a file", path.display())]
    SourceNotAFile {
        /// The source.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },
    /// The source cannot be opened.
    #[error("cannot read {}", path.display())]
    SourceUnreadable {
        /// The source.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing the output would destroy the source.
    #[error("the output {} is the source itself", .0.display())]
    OutputIsSource(PathBuf),
    /// Outputs are there already.
    #[error("{} exists already", list(.0))]
    OutputExists(Vec<PathBuf>),
    /// The output's name is taken by something that must not be replaced.
    #[error("the output {} is {what}, not a file", path.display())]
    OutputNotAFile {
        /// The output.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },
    /// The output's folder is not there.
    #[error("there is no folder {} for the output", .0.display())]
    OutputFolderMissing(PathBuf),
    /// The output cannot be written.
    #[error("cannot write {}", path.display())]
    OutputUnwritable {
        /// The output or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another run works on the same output.
    #[error("another run is working in {}", .0.display())]
    OutputBusy(PathBuf),
    /// The work folder's name is taken by something else.
    #[error("{} is in the way of the work folder and not ours", .0.display())]
    WorkFolderTaken(PathBuf),
    /// The result cannot be printed.
    #[error("cannot print the result")]
    Stdout(#[source] io::Error),
    /// Signals cannot be heard, so a clean stop could not be promised.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The engine's thread cannot be started, or broke off.
    #[error("the engine broke off: {0}")]
    Engine(String),
    /// A stage failed; it says everything itself.
    #[error("{0}")]
    Stage(Box<dyn Failure + Send + Sync>),
    /// The worker is to ask a provider that this release cannot ask.
    #[error("transcode.providers names {0}, which this release cannot ask yet")]
    ProviderUnsupported(&'static str),
    /// A signal ended the command before anything was done.
    #[error("stopped on request")]
    Stopped(ExitCode),
}

/// Returns the first few of `paths` and how many more there are.
fn list(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<_> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} (and {more} more)", names.join(", ")),
    }
}

impl CommandError {
    /// Returns the failure of a stage.
    pub(super) fn stage(error: impl Failure + Send + Sync + 'static) -> Self {
        Self::Stage(Box::new(error))
    }

    /// Returns what clap has to say, without its color, its own `error:` and its usage lines.
    pub(super) fn from_usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let lines = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        Self::Usage(text.trim_start_matches("error: ").to_owned())
    }

    /// Returns the failure itself: the stage's own, where one stands behind this.
    pub(super) fn failure(&self) -> &dyn Failure {
        match self {
            Self::Stage(inner) => &**inner,
            _ => self,
        }
    }

    /// Returns the process's exit code.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Stopped(code) => *code,
            // Not the class's code: the person can do something about a full or closed stdout, and the work is done.
            Self::Stdout(_) => ExitCode::Storage,
            _ => ExitCode::from_class(self.failure().class()),
        }
    }
}

impl Failure for CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "USAGE",
            Self::RenditionTwice(_) => "RENDITION_TWICE",
            Self::SeveralIntoOneFile { .. } => "OUTPUT_NEEDS_FOLDER",
            Self::OutputExtension { .. } => "OUTPUT_EXTENSION",
            Self::ContainerMismatch { .. } => "OUTPUT_CONTAINER_MISMATCH",
            Self::NamelessUrl(_) => "OUTPUT_NAME_MISSING",
            Self::SourceMissing(_) => "SOURCE_MISSING",
            Self::SourceRemote(_) => "SOURCE_REMOTE",
            Self::SourceNotAFile { .. } => "SOURCE_NOT_A_FILE",
            Self::SourceUnreadable { .. } => "SOURCE_UNREADABLE",
            Self::OutputIsSource(_) => "OUTPUT_IS_SOURCE",
            Self::OutputExists(_) => "OUTPUT_EXISTS",
            Self::OutputNotAFile { .. } => "OUTPUT_NOT_A_FILE",
            Self::OutputFolderMissing(_) => "OUTPUT_FOLDER_MISSING",
            Self::OutputUnwritable { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::OutputUnwritable { .. } => "OUTPUT_UNWRITABLE",
            Self::OutputBusy(_) => "OUTPUT_BUSY",
            Self::WorkFolderTaken(_) => "WORK_FOLDER_TAKEN",
            Self::Stdout(_) => "STDOUT_UNWRITABLE",
            Self::Signals(_) | Self::Engine(_) => "INTERNAL",
            Self::Stage(inner) => inner.code(),
            Self::ProviderUnsupported(_) => "PROVIDER_UNSUPPORTED",
            Self::Stopped(_) => "CANCELLED",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Usage(_)
            | Self::RenditionTwice(_)
            | Self::SeveralIntoOneFile { .. }
            | Self::OutputExtension { .. }
            | Self::NamelessUrl(_)
            | Self::ContainerMismatch { .. } => FailureClass::Usage,
            Self::SourceMissing(_)
            | Self::SourceRemote(_)
            | Self::SourceNotAFile { .. }
            | Self::SourceUnreadable { .. } => FailureClass::Source,
            Self::OutputIsSource(_)
            | Self::OutputExists(_)
            | Self::OutputNotAFile { .. }
            | Self::WorkFolderTaken(_) => FailureClass::Output,
            Self::OutputFolderMissing(_) | Self::OutputUnwritable { .. } | Self::Stdout(_) => {
                FailureClass::Capacity
            }
            Self::OutputBusy(_) => FailureClass::Transient,
            Self::Signals(_) | Self::Engine(_) => FailureClass::Bug,
            Self::Stage(inner) => inner.class(),
            Self::ProviderUnsupported(_) => FailureClass::Configuration,
            Self::Stopped(_) => FailureClass::Cancelled,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Usage(_) => "see --help",
            Self::RenditionTwice(_) => "name each rendition once",
            Self::SeveralIntoOneFile { .. } => "end the path in / to name a folder: -o out/",
            Self::OutputExtension { .. } => "end a file's name in .mp4, .mkv, .ts or .flv, a folder's in /",
            Self::ContainerMismatch { .. } => "leave --container out, or change the name's extension",
            Self::NamelessUrl(_) => "name the file with -o",
            Self::SourceMissing(_) => "check the name and the folder you are in",
            Self::SourceRemote(_) => "download it first; sources are files",
            Self::SourceNotAFile { .. } => "name a recording; folders, devices and pipes are not read",
            Self::SourceUnreadable { .. } => "check the path, and the file's permissions",
            Self::OutputIsSource(_) => "give the output another name",
            Self::OutputExists(_) => "add -y to overwrite, or name another output with -o",
            Self::OutputNotAFile { .. } => "name a file, or a folder ending in /",
            Self::OutputFolderMissing(_) => "create it with mkdir -p",
            Self::OutputUnwritable { .. } => "choose a folder you may write to, or free space on its disk",
            Self::OutputBusy(_) => "wait for it to finish, or name another output with -o",
            Self::WorkFolderTaken(_) => "move it away, or name another output with -o",
            Self::Stdout(_) => "the outputs are in place; check where stdout leads",
            Self::Signals(_) | Self::Engine(_) => {
                "this is a fault in reelmill; please report it with the log of -vv"
            }
            Self::Stage(inner) => inner.cure(),
            Self::ProviderUnsupported(_) => "leave it out",
            Self::Stopped(_) => "run the same command again",
        }
    }
}
