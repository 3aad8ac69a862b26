//! Names of objects that others refer to by id, and the search for one to refer to.

use super::request::Slot;
use crate::resource::View;
use std::collections::{BTreeMap, BTreeSet};

/// Most ids asked for at once; the protocol's limit for `in`.
const BATCH: usize = 100;

/// What is known, and what has been asked for.
#[derive(Debug, Default)]
pub struct Names {
    known: BTreeMap<(View, i64), String>,
    asked: BTreeSet<(View, i64)>,
    wanted: BTreeSet<(View, i64)>,
    /// Rises with every new name.
    pub version: u64,
}

/// Accounts have many views and one set of names.
pub fn home(view: View) -> View {
    if std::ptr::eq(view.resource(), View::Accounts.resource()) {
        View::Accounts
    } else {
        view
    }
}

impl Names {
    /// The name, or `#id` until it is known.
    pub fn get(&self, view: View, id: i64) -> String {
        self.known
            .get(&(home(view), id))
            .cloned()
            .unwrap_or_else(|| format!("#{id}"))
    }

    pub fn learn(&mut self, view: View, id: i64, name: String) {
        if self.known.insert((home(view), id), name.clone()).as_ref() != Some(&name) {
            self.version += 1;
        }
    }

    pub fn want(&mut self, view: View, id: i64) {
        let key = (home(view), id);
        if !self.known.contains_key(&key) && !self.asked.contains(&key) {
            self.wanted.insert(key);
        }
    }

    /// Ids to ask for now, each once.
    pub fn take_wanted(&mut self) -> Vec<(View, Vec<i64>)> {
        let mut batches: Vec<(View, Vec<i64>)> = Vec::new();
        for (view, id) in std::mem::take(&mut self.wanted) {
            self.asked.insert((view, id));
            match batches.last_mut() {
                Some((last, ids)) if *last == view && ids.len() < BATCH => ids.push(id),
                _ => batches.push((view, vec![id])),
            }
        }
        batches
    }

    /// Ids whose name holds the text.
    pub fn matching(&self, view: View, text: &str) -> Vec<i64> {
        let (text, home) = (text.to_lowercase(), home(view));
        let of_view = self.known.iter().filter(|((view, _), _)| *view == home);
        of_view
            .filter(|(_, name)| name.to_lowercase().contains(&text))
            .map(|((_, id), _)| *id)
            .take(BATCH)
            .collect()
    }

    pub fn clear(&mut self) {
        *self = Self {
            version: self.version + 1,
            ..Self::default()
        };
    }
}

/// The search behind a field that names another object; one at a time.
#[derive(Debug, Default)]
pub struct Lookup {
    pub view: Option<View>,
    pub text: String,
    pub found: Slot<Vec<(i64, String)>>,
    /// What the answer under way is for.
    pub asked: Option<(View, String)>,
}

impl Lookup {
    /// The picker of this view is open with this text.
    pub fn open(&mut self, view: View, text: &str) {
        if self.view != Some(view) {
            self.found.reset();
            self.asked = None;
        }
        self.view = Some(view);
        self.text = text.to_owned();
    }

    pub fn close(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_asked_for_once() {
        let mut names = Names::default();
        for id in [1, 2, 1] {
            names.want(View::Resellers, id);
            names.want(View::Tariffs, id);
        }
        assert_eq!(
            names.take_wanted(),
            [(View::Accounts, vec![1, 2]), (View::Tariffs, vec![1, 2])]
        );
        names.want(View::Accounts, 1);
        assert!(names.take_wanted().is_empty());
        names.learn(View::Accounts, 1, "Acme".into());
        assert_eq!(
            (names.get(View::Retail, 1), names.get(View::Retail, 2)),
            ("Acme".into(), "#2".into())
        );
        assert_eq!(names.matching(View::Resellers, "acm"), [1]);
    }
}
