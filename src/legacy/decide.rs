//! What of an older node is to be kept here, and why: a pure function of what was found, what is here and what holds.

mod disk;

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{lease_row, rendition_row, waiter_row};
use super::row::{ClassRow, Rows, class_name};
use super::{FilePlan, Found, FoundFile, NoteKind, Plan, RenditionPlan, WaiterPlan, WaitingList};
use crate::cache::{Held, Holder, HolderKind, Key, Limits};
use crate::store::{LegacyRow, OldDatabase, Rendition, RenditionState, Waiter};

/// Everything that was found of the old node.
#[derive(Clone, Debug, Default)]
pub struct Old {
    /// Its databases.
    pub databases: Vec<OldDatabase>,
    /// Its folder of recordings.
    pub found: Found,
    /// Its waiting lists; none where nobody asked for them.
    pub lists: Vec<WaitingList>,
}

/// What is here already.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// What was taken over earlier.
    pub rows: BTreeSet<LegacyRow>,
    /// What the cache holds.
    pub files: BTreeSet<Key>,
    /// Who holds it, by the holder's name.
    pub holds: BTreeSet<(Key, String)>,
    /// What is known of renditions.
    pub renditions: Vec<Rendition>,
}

/// What holds for the import.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Now, in Unix milliseconds.
    pub now_milliseconds: i64,
    /// When the holds of classes end.
    pub lease_until_milliseconds: i64,
    /// When a rendition that is being made is given up.
    pub deadline_milliseconds: i64,
    /// What the cache keeps to.
    pub limits: Limits,
}

/// Decides what is to be taken over.
pub fn decide(old: &Old, present: &Present, terms: &Terms) -> Plan {
    let mut plan = Plan::default();
    let rows = Rows::of(&old.databases, &mut plan.notes);
    let institutions = institutions(&rows, &mut plan);
    let known = present.renditions.iter().filter(|row| row.institution.is_empty());
    let known = known.map(|row| ((row.record.as_str(), row.resolution), row.state)).collect();
    let mut recordings = Recordings::new();
    for file in &old.found.files {
        recordings.entry(file.key.record()).or_default().push(file);
    }
    let (rows, institutions) = (&rows, &institutions);
    let mut decision = Decision { old, present, terms, rows, institutions, known, recordings, plan };
    decision.files();
    decision.renditions();
    decision.waiters();
    decision.disk();
    decision.plan
}

/// Returns whose class each is; the first word stands.
fn institutions(rows: &Rows, plan: &mut Plan) -> BTreeMap<String, String> {
    let mut institutions: BTreeMap<String, String> = BTreeMap::new();
    for task in &rows.tasks {
        let first = institutions.entry(task.class.clone()).or_insert_with(|| task.institution.clone());
        if *first != task.institution {
            let text = format!(
                "class {} is of institution {first:?} and of {:?}; taken as the first",
                task.class, task.institution
            );
            plan.notes.add(NoteKind::RowDuplicate, text);
        }
    }
    institutions
}

/// The recordings of the old node by name: all files of each.
type Recordings<'a> = BTreeMap<&'a str, Vec<&'a FoundFile>>;

/// A plan in the making.
struct Decision<'a> {
    old: &'a Old,
    present: &'a Present,
    terms: &'a Terms,
    rows: &'a Rows,
    institutions: &'a BTreeMap<String, String>,
    /// What is known here of renditions of the default institution, by recording and short side.
    known: BTreeMap<(&'a str, u32), RenditionState>,
    recordings: Recordings<'a>,
    plan: Plan,
}

impl<'a> Decision<'a> {
    /// Files in the order in which they go: those without a row first, then by what their row says.
    fn files(&mut self) {
        let old = self.old;
        let used = self.used();
        let mut leases = self.leases();
        let mut plans = Vec::new();
        for file in &old.found.files {
            let (leases, used) = (leases.remove(&file.key).unwrap_or_default(), used.get(&file.key));
            if used.is_none() && self.rows.has_videos {
                self.plan.notes.add(NoteKind::FileWithoutRow, file.key.path().display().to_string());
            }
            // One that went since and was put back is to be taken in again.
            if self.present.files.contains(&file.key) {
                self.plan.already.files += 1;
                self.keep_out(&file.key, &leases);
                continue;
            }
            plans.push(file_plan(file, used.copied().flatten(), leases, used.is_some()));
        }
        plans.sort_by(|one, other| order(one).cmp(&order(other)));
        self.plan.files = plans;
    }

    /// Returns when the files of which a row tells were used last: a row tells of all files of its recording.
    fn used(&mut self) -> BTreeMap<Key, Option<i64>> {
        let mut used: BTreeMap<Key, Option<i64>> = BTreeMap::new();
        let mut seen: BTreeSet<&Key> = BTreeSet::new();
        let now = self.terms.now_milliseconds;
        for row in &self.rows.videos {
            if !seen.insert(&row.key) {
                self.plan
                    .notes
                    .add(NoteKind::RowDuplicate, format!("video_list has {} twice; the first row holds", row.key));
                continue;
            }
            let files = meant(&self.recordings, &row.key);
            if files.is_empty() {
                self.plan.notes.add(NoteKind::RowWithoutFile, row.key.to_string());
            }
            // Times to come would keep a file longer than everything that is used from now on.
            let time = row.used_milliseconds.map(|time| time.min(now));
            used.extend(files.into_iter().map(|file| (file.key.clone(), time)));
        }
        used
    }

    /// Returns the holds of classes, by file.
    fn leases(&mut self) -> BTreeMap<Key, Vec<Held>> {
        let mut leases: BTreeMap<Key, Vec<Held>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let rows = self.rows;
        for row in &rows.classes {
            let name = self.holder(&row.class);
            if !seen.insert((&row.class, &row.key)) {
                self.plan
                    .notes
                    .add(NoteKind::RowDuplicate, format!("class_list has class {name} with {} twice", row.key));
                continue;
            }
            let files = held(&self.recordings, row);
            if files.is_empty() {
                self.plan.notes.add(
                    NoteKind::ClassWithoutFile,
                    format!("class {name} needs {}, of which there is no file", row.key),
                );
            }
            for file in files {
                leases.entry(file.key.clone()).or_default().push(self.lease(&name));
            }
        }
        self.tell_institutions(&leases);
        for (key, held) in &mut leases {
            let known = held.len();
            held.retain(|lease| !self.is_held(key, &lease.holder.name));
            self.plan.already.leases += (known - held.len()) as u64;
        }
        leases
    }

    fn lease(&self, name: &str) -> Held {
        Held {
            holder: Holder { kind: HolderKind::Class, name: name.to_owned() },
            since_milliseconds: self.terms.now_milliseconds,
            until_milliseconds: Some(self.terms.lease_until_milliseconds),
        }
    }

    /// Returns how a class is called as a holder.
    fn holder(&self, class: &str) -> String {
        match self.institutions.get(class).map_or("", String::as_str) {
            "" => class.to_owned(),
            institution => format!("{institution}/{class}"),
        }
    }

    /// Tells of files that a new booking of the same classes would not find.
    fn tell_institutions(&mut self, leases: &BTreeMap<Key, Vec<Held>>) {
        for (key, held) in leases.iter().filter(|(key, _)| key.institution().is_empty()) {
            let institutions: BTreeSet<&str> = held
                .iter()
                .map(|lease| lease.holder.name.split_once('/').map_or("", |(institution, _)| institution))
                .collect();
            if let (1, Some(institution)) =
                (institutions.len(), institutions.first().filter(|name| !name.is_empty()))
            {
                let text = format!(
                    "{} is needed by classes of institution {institution} only, whose new bookings are looked for in {institution}/{}; \
                     it stays where it is",
                    key.path().display(),
                    key.path().display()
                );
                self.plan.notes.add(NoteKind::OtherInstitution, text);
            }
        }
    }

    /// Files that are here already are left as they are, holds included.
    fn keep_out(&mut self, key: &Key, leases: &[Held]) {
        for lease in leases {
            let text = format!("{key} is in the cache already; no hold was made for {}", lease.holder);
            self.plan.notes.add(NoteKind::HereAlready, text);
        }
    }

    fn renditions(&mut self) {
        let mut seen = BTreeSet::new();
        // Two bookings at once could make two rows; a success is true whatever the other says.
        let (made, others): (Vec<_>, Vec<_>) =
            self.rows.renditions.iter().partition(|row| row.state == RenditionState::Succeeded);
        for row in made.into_iter().chain(others) {
            let short_side = row.resolution.short_side();
            if !seen.insert((&row.record, short_side)) {
                let text =
                    format!("video_list has {}_{} twice; {} was left out", row.record, row.resolution, row.status);
                self.plan.notes.add(NoteKind::RowDuplicate, text);
                continue;
            }
            if self.is_taken(&rendition_row("", &row.record, short_side)) {
                self.plan.already.renditions += 1;
                continue;
            }
            if let Some(known) = self.known(&row.record, short_side) {
                let text =
                    format!("{}_{} is {} here, and was {}", row.record, row.resolution, known.name(), row.status);
                self.plan.notes.add(NoteKind::HereAlready, text);
                self.plan.already.renditions += 1;
                continue;
            }
            let rendition = self.rendition(&row.record, short_side, row.state);
            self.plan.renditions.push(RenditionPlan { rendition, reason: row.status });
        }
    }

    fn rendition(&self, record: &str, resolution: u32, state: RenditionState) -> Rendition {
        let is_made = state == RenditionState::Transcoding;
        Rendition {
            // Old rows know no institution, and neither do the results that the old providers still send.
            institution: String::new(),
            record: record.to_owned(),
            resolution,
            state,
            provider: String::new(),
            attempt: u32::from(is_made),
            deadline_milliseconds: is_made.then_some(self.terms.deadline_milliseconds),
            url: String::new(),
            returns: 0,
            updated_milliseconds: self.terms.now_milliseconds,
        }
    }

    fn known(&self, record: &str, resolution: u32) -> Option<RenditionState> {
        self.known.get(&(record, resolution)).copied()
    }

    fn waiters(&mut self) {
        let planned = self.plan.renditions.iter().map(|plan| &plan.rendition);
        let planned: BTreeMap<(String, u32), RenditionState> =
            planned.map(|row| ((row.record.clone(), row.resolution), row.state)).collect();
        for list in &self.old.lists {
            let state = planned.get(&(list.record.clone(), list.resolution.short_side())).copied();
            match state.or_else(|| self.known(&list.record, list.resolution.short_side())) {
                Some(RenditionState::Transcoding) => self.waiters_of(list),
                state => self.leave(list, state),
            }
        }
    }

    fn waiters_of(&mut self, list: &WaitingList) {
        let mut seen = BTreeSet::new();
        for class in &list.classes {
            let class_id = match class_name(class) {
                Ok(class) => self.holder(&class),
                Err(why) => {
                    self.plan.notes.add(NoteKind::WaiterLeft, format!("{}: {why}", list.name));
                    continue;
                }
            };
            let resolution = list.resolution.short_side();
            if !seen.insert(class_id.clone()) {
                continue;
            }
            if self.is_taken(&waiter_row("", &list.record, resolution, &class_id)) {
                self.plan.already.waiters += 1;
                continue;
            }
            let (institution, record) = (String::new(), list.record.clone());
            let since_milliseconds = self.terms.now_milliseconds;
            let waiter = Waiter { institution, record, resolution, class_id, since_milliseconds };
            self.plan.waiters.push(WaiterPlan { waiter, reason: list.name.clone() });
        }
        if list.more > 0 {
            self.plan
                .notes
                .add(NoteKind::WaiterLeft, format!("{} has {} more classes than are read", list.name, list.more));
        }
    }

    /// The old system did not empty every list that it was done with, so a list alone says nothing.
    fn leave(&mut self, list: &WaitingList, state: Option<RenditionState>) {
        let why =
            state.map_or("no row of video_list tells of it".to_owned(), |state| format!("it is {}", state.name()));
        let taken = |class: &&String| {
            let known = class_name(class).map(|class| self.holder(&class));
            let row = |class: String| waiter_row("", &list.record, list.resolution.short_side(), &class);
            known.is_ok_and(|class| self.is_taken(&row(class)))
        };
        let known = list.classes.iter().filter(taken).count();
        self.plan.already.waiters += known as u64;
        if known < list.classes.len() {
            let classes = count(list.classes.len() - known, "class", "classes");
            self.plan
                .notes
                .add(NoteKind::WaiterLeft, format!("{}: {classes} not taken over, since {why}", list.name));
        }
    }

    /// Returns whether a hold was taken over earlier, or is here by itself: a run that broke off did not note all it did.
    fn is_held(&self, key: &Key, name: &str) -> bool {
        self.is_taken(&lease_row(key, name)) || self.present.holds.contains(&(key.clone(), name.to_owned()))
    }

    fn is_taken(&self, row: &LegacyRow) -> bool {
        self.present.rows.contains(row)
    }
}

/// Returns the files of a recording; of a rendition of it where the key names one.
fn meant<'a>(recordings: &Recordings<'a>, key: &Key) -> Vec<&'a FoundFile> {
    let files = recordings.get(key.record()).map_or(&[][..], Vec::as_slice);
    let is_meant = |file: &&&FoundFile| key.resolution().is_none_or(|it| file.key.resolution() == Some(it));
    files.iter().filter(is_meant).copied().collect()
}

/// Returns the files that a class needs: the one that its row names, else all of its recording, since the old rows know
/// the recording only.
fn held<'a>(recordings: &Recordings<'a>, row: &ClassRow) -> Vec<&'a FoundFile> {
    let files = meant(recordings, &row.key);
    let name = row.site.as_deref().and_then(|site| site.rsplit('/').next()).unwrap_or_default();
    let named: Vec<_> = files.iter().filter(|file| file.key.file_name() == name).copied().collect();
    if named.is_empty() { files } else { named }
}

fn file_plan(file: &FoundFile, used: Option<i64>, leases: Vec<Held>, has_row: bool) -> FilePlan {
    let reason = match (used, has_row) {
        (Some(_), _) => UPDATE_TIME,
        (None, true) => "its row has no usable update_time: by the file's own time",
        (None, false) => "no row tells of it: by the file's own time",
    };
    FilePlan {
        key: file.key.clone(),
        bytes: file.bytes,
        modified_nanoseconds: file.modified_nanoseconds,
        used_milliseconds: used.unwrap_or(file.modified_nanoseconds / 1_000_000),
        leases,
        reason,
    }
}

const UPDATE_TIME: &str = "update_time of its recording's row";

/// Returns what files are sorted by.
fn order(plan: &FilePlan) -> (bool, i64, i64, &Key) {
    (plan.reason == UPDATE_TIME, plan.used_milliseconds, plan.modified_nanoseconds, &plan.key)
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
