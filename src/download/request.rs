//! What is asked of a download, and what it came to: values, no work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::DownloadError;
use super::guard::Refusal;
use super::part_file::PartFile;
use super::range::Validator;
use super::rate_limit::Rate;
use super::sidecar::remove_sidecar;
use crate::held_lock::HeldLock;
use crate::room::Room;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Request {
    /// From where.
    pub url: Url,
    /// The final name. The part file lies beside it.
    pub output: PathBuf,
    /// Whether to go on from what an earlier run left.
    pub resume: bool,
    /// Whether a file that has the name may be replaced.
    pub overwrite: bool,
    /// What the file must come to: its SHA-256 in lower-case hex.
    pub sha256: Option<String>,
    /// No more bytes are taken.
    pub bytes_max: Option<u64>,
    /// This download's own cap within the node's budget.
    pub rate: Rate,
    /// Who is asked for room before bytes come; nobody where only the disk counts.
    pub room: Option<Arc<dyn Room>>,
}

/// What a download came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where the redirects led.
    pub final_url: String,
    /// The file's length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Bytes that came over the network in this run.
    pub fetched: u64,
    /// Bytes that were here before it.
    pub resumed_from: u64,
    /// How many times the origin was asked, redirects aside.
    pub attempts: u64,
    /// What would have told this version from others.
    pub validator: Option<Validator>,
    /// `Content-Type` of the last answer.
    pub content_type: Option<String>,
    /// What a person may want to know: why it began at 0, what broke off.
    pub notes: Vec<String>,
}

/// A whole file that has not got its name yet.
#[derive(Debug)]
pub struct Fetched {
    /// What it came to.
    pub report: Report,
    pub(super) file: FetchedFile,
    pub(super) output: PathBuf,
    pub(super) overwrite: bool,
}

/// Where a whole file is.
#[derive(Debug)]
pub(super) enum FetchedFile {
    /// Under a part's name.
    Part(Box<PartFile>),
    /// An earlier run had given it its name already; its sidecar is still there.
    Named(HeldLock),
}

impl Fetched {
    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        match &self.file {
            FetchedFile::Part(part) => part.path(),
            FetchedFile::Named(_) => &self.output,
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The name is taken and not to be overwritten, or the disk refuses.
    pub fn publish(self) -> Result<Report, DownloadError> {
        match self.file {
            FetchedFile::Part(part) => part.publish(&self.output, self.overwrite)?,
            FetchedFile::Named(sidecar) => remove_sidecar(&sidecar, &self.output)?,
        }
        Ok(self.report)
    }

    /// Throws the file away; one that has its name already stays.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn discard(self) -> Result<(), DownloadError> {
        match self.file {
            FetchedFile::Part(part) => part.remove(),
            FetchedFile::Named(_) => Ok(()),
        }
    }
}

/// No address is longer: servers take no more, and what is longer is a mistake or an attack.
pub(super) const URL_BYTES_MAX: usize = 8192;

/// Reads an address as a person writes it.
///
/// # Errors
/// It is none, or no one that is ever fetched.
pub fn parse_url(text: &str) -> Result<Url, DownloadError> {
    if text.len() > URL_BYTES_MAX {
        let start: String = without_credentials(text).chars().take(60).collect();
        return Err(DownloadError::UrlInvalid {
            url: start,
            why: format!("it has more than {URL_BYTES_MAX} bytes"),
        });
    }
    let url = Url::parse(text).map_err(|error| DownloadError::UrlInvalid {
        url: without_credentials(text),
        why: match error {
            url::ParseError::RelativeUrlWithoutBase => "it does not begin with http:// or https://".to_owned(),
            error => error.to_string(),
        },
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(Refusal::Scheme(scheme.to_owned()).into()),
    }
}

/// Takes out what may be a password: refusals end up in logs.
fn without_credentials(text: &str) -> String {
    let (scheme, rest) = text.split_once("//").unwrap_or(("", text));
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}//...@{place}"),
        None => text.to_owned(),
    }
}
