//! The configuration in JSON: what was checked (`reelmill.config-check/1`), and what holds (`reelmill.config/1`).

use serde::Serialize;

use crate::command::wire::pretty;
use crate::config::{Origin, Reading, Setting};

/// What `reelmill config check --json` answers where all is right.
#[derive(Serialize)]
struct CheckDocument<'a> {
    schema: &'static str,
    sources: &'a [String],
    notes: &'a [String],
}

/// Returns the document of a configuration that is right.
pub(super) fn check_document(reading: &Reading) -> String {
    pretty(&CheckDocument { schema: "reelmill.config-check/1", sources: &reading.sources, notes: &reading.notes })
}

/// What `reelmill config show --json` answers.
#[derive(Serialize)]
struct ShowDocument<'a> {
    schema: &'static str,
    settings: Vec<SettingBody<'a>>,
}

/// A setting; its value is spelled as in TOML. Of a secret there is the path and where it comes from.
#[derive(Serialize)]
struct SettingBody<'a> {
    key: &'static str,
    value: &'a str,
    origin: OriginBody,
    secret_source: Option<&'a str>,
}

/// Where a value comes from: the name of a file with the line, of a variable, or of a credential.
#[derive(Serialize)]
struct OriginBody {
    kind: &'static str,
    name: Option<String>,
    line: Option<u32>,
}

impl OriginBody {
    fn of(origin: &Origin) -> Self {
        let (kind, name, line) = match origin {
            Origin::Default => ("default", None, None),
            Origin::File { path, line } => ("file", Some(path.display().to_string()), Some(*line)),
            Origin::Variable(name) => ("variable", Some(name.clone()), None),
            Origin::Credential(name) => ("credential", Some(name.clone()), None),
        };
        Self { kind, name, line }
    }
}

/// Returns the document of these settings.
pub(super) fn show_document(settings: &[&Setting]) -> String {
    let settings = settings.iter().map(|setting| SettingBody {
        key: setting.name,
        value: &setting.value,
        origin: OriginBody::of(&setting.origin),
        secret_source: setting.secret_source.as_deref(),
    });
    pretty(&ShowDocument { schema: "reelmill.config/1", settings: settings.collect() })
}
