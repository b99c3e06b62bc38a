//! What `reelmill import-legacy` answers in JSON, and keeps beside its copies: `reelmill.import-legacy/1`.

use std::path::Path;

use serde::Serialize;

use super::page::moment;
use super::{Outcome, State};
use crate::command::wire::pretty;
use crate::legacy::{FilePlan, RenditionPlan, WaiterPlan};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// `would`, `nothing` or `done`.
    state: &'static str,
    root: String,
    backup: Option<String>,
    counts: Counts,
    already_here: Counts,
    /// Of the files, those that are in the cache now.
    adopted_files: Option<u64>,
    leases_until: String,
    transcoding_until: String,
    notes: Vec<Note<'a>>,
    files: Vec<File>,
    renditions: Vec<Rendition<'a>>,
    waiters: Vec<Waiter<'a>>,
}

#[derive(Serialize)]
struct Counts {
    files: u64,
    leases: u64,
    renditions: u64,
    waiters: u64,
}

#[derive(Serialize)]
struct Note<'a> {
    kind: &'static str,
    needs_a_look: bool,
    count: u64,
    /// The first of them.
    texts: &'a [String],
}

#[derive(Serialize)]
struct File {
    path: String,
    bytes: u64,
    used: String,
    holders: Vec<String>,
    reason: &'static str,
}

#[derive(Serialize)]
struct Rendition<'a> {
    institution_id: &'a str,
    record_id: &'a str,
    video_resolution: String,
    state: &'static str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Waiter<'a> {
    institution_id: &'a str,
    record_id: &'a str,
    video_resolution: String,
    class: &'a str,
    reason: &'a str,
}

/// Returns the report for a program.
pub(super) fn document(outcome: &Outcome) -> String {
    let (plan, terms, here) = (&outcome.plan, &outcome.terms, outcome.plan.already);
    let (state, backup, adopted_files) = match &outcome.state {
        State::Would => ("would", None, None),
        State::Nothing => ("nothing", None, None),
        State::Done { backup, adopted } => ("done", Some(text(backup)), Some(*adopted)),
    };
    let counts = Counts {
        files: plan.files.len() as u64,
        leases: plan.leases(),
        renditions: plan.renditions.len() as u64,
        waiters: plan.waiters.len() as u64,
    };
    let already_here =
        Counts { files: here.files, leases: here.leases, renditions: here.renditions, waiters: here.waiters };
    pretty(&Document {
        schema: "reelmill.import-legacy/1",
        state,
        root: text(&outcome.root),
        backup,
        counts,
        already_here,
        adopted_files,
        leases_until: moment(terms.lease_until_milliseconds),
        transcoding_until: moment(terms.deadline_milliseconds),
        notes: notes(outcome),
        files: plan.files.iter().map(file).collect(),
        renditions: plan.renditions.iter().map(rendition).collect(),
        waiters: plan.waiters.iter().map(waiter).collect(),
    })
}

fn notes(outcome: &Outcome) -> Vec<Note<'_>> {
    let kinds = outcome.plan.notes.by_kind();
    kinds
        .map(|(kind, told)| Note {
            kind: kind.name(),
            needs_a_look: kind.needs_a_look(),
            count: told.count,
            texts: &told.texts,
        })
        .collect()
}

fn file(plan: &FilePlan) -> File {
    File {
        path: text(&plan.key.path()),
        bytes: plan.bytes,
        used: moment(plan.used_milliseconds),
        holders: plan.leases.iter().map(|lease| lease.holder.to_string()).collect(),
        reason: plan.reason,
    }
}

fn rendition(plan: &RenditionPlan) -> Rendition<'_> {
    Rendition {
        institution_id: &plan.rendition.institution,
        record_id: &plan.rendition.record,
        video_resolution: format!("{}P", plan.rendition.resolution),
        state: plan.rendition.state.name(),
        reason: plan.reason,
    }
}

fn waiter(plan: &WaiterPlan) -> Waiter<'_> {
    Waiter {
        institution_id: &plan.waiter.institution,
        record_id: &plan.waiter.record,
        video_resolution: format!("{}P", plan.waiter.resolution),
        class: &plan.waiter.class_id,
        reason: &plan.reason,
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
