//! How many lines of the log a component may write: a damaged file makes one for every packet. Pure; time is passed in.

use std::time::{Duration, Instant};

/// The first lines tell what is wrong; a thousand more of the same do not.
const LINES_MAX: u32 = 20;
/// After so long a component may say something again.
const WINDOW: Duration = Duration::from_secs(10);
/// Components counted one by one. A run has a demuxer, a few decoders, encoders and muxers and their filters; those that come
/// later are counted together.
const COMPONENTS_MAX: usize = 32;
/// The name of these.
const OTHERS: &str = "others";

/// A count of what each component says.
#[derive(Debug, Default)]
pub(super) struct Limit {
    components: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    component: String,
    since: Instant,
    told: u32,
    kept: u64,
}

/// Lines of a component that were kept back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) component: String,
    pub(super) lines: u64,
}

impl Kept {
    /// Returns it in words: `… and 4,711 more`.
    pub(super) fn words(&self) -> String {
        let digits = self.lines.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
        format!("… and {} more", groups.collect::<Vec<_>>().join(","))
    }
}

impl Limit {
    /// Returns whether a line of `component` is to be told now, and what was kept back before it of that component.
    pub(super) fn admit(&mut self, component: &str, now: Instant) -> (bool, Option<Kept>) {
        let said = self.said(component, now);
        let mut kept = None;
        if now.saturating_duration_since(said.since) >= WINDOW {
            kept = said.kept();
            (said.since, said.told) = (now, 0);
        }
        if said.told < LINES_MAX {
            said.told += 1;
            return (true, kept);
        }
        said.kept += 1;
        (false, kept)
    }

    /// Returns everything that was kept back and not told of yet.
    pub(super) fn settle(&mut self) -> Vec<Kept> {
        self.components.iter_mut().filter_map(Said::kept).collect()
    }

    fn said(&mut self, component: &str, now: Instant) -> &mut Said {
        let find = |list: &[Said], name: &str| list.iter().position(|said| said.component == name);
        let is_full = self.components.len() >= COMPONENTS_MAX;
        let name = if is_full && find(&self.components, component).is_none() { OTHERS } else { component };
        let at = find(&self.components, name).unwrap_or_else(|| {
            self.components.push(Said { component: name.to_owned(), since: now, told: 0, kept: 0 });
            self.components.len() - 1
        });
        &mut self.components[at]
    }
}

impl Said {
    fn kept(&mut self) -> Option<Kept> {
        let lines = std::mem::take(&mut self.kept);
        (lines > 0).then(|| Kept { component: self.component.clone(), lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_says_its_first_lines_and_how_many_more_there_were() {
        let (mut limit, begin) = (Limit::default(), Instant::now());
        let told = (0..4731).filter(|_| limit.admit("h264", begin).0).count();
        assert_eq!(told, 20);
        assert_eq!(limit.admit("aac", begin), (true, None), "another one is not held to it");
        assert_eq!(limit.admit("h264", begin + WINDOW - Duration::from_millis(1)), (false, None));
        let (is_told, kept) = limit.admit("h264", begin + WINDOW);
        assert_eq!((is_told, kept.unwrap().words().as_str()), (true, "… and 4,712 more"));
        assert_eq!(limit.settle(), []);
        (0..21).for_each(|_| drop(limit.admit("aac", begin)));
        assert_eq!(limit.settle(), [Kept { component: "aac".to_owned(), lines: 2 }]);
    }

    #[test]
    fn components_without_end_take_no_memory_without_end() {
        let (mut limit, begin) = (Limit::default(), Instant::now());
        let told = (0..10_000).filter(|number| limit.admit(&format!("c{number}"), begin).0).count();
        assert_eq!(told, 32 + 20);
        assert_eq!(limit.components.len(), 33);
        assert_eq!(limit.settle(), [Kept { component: "others".to_owned(), lines: 10_000 - 52 }]);
    }

    #[test]
    fn numbers_have_groups_of_three() {
        let words = |lines| Kept { component: String::new(), lines }.words();
        assert_eq!(
            [7, 999, 1000, 1_234_567].map(words).join(" "),
            "… and 7 more … and 999 more … and 1,000 more … and 1,234,567 more"
        );
    }
}
