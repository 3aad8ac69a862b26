//! What peers are told that we are.

use crate::{dialog::Dialog, message::Draft};

/// `Server` and `User-Agent`; none is sent if empty.
#[derive(Debug)]
pub(super) struct Product(pub(super) String);

impl Product {
    /// The draft of a request with our product in it, where its dialog began so.
    pub(super) fn within(&self, dialog: &Dialog, draft: Draft) -> Draft {
        if dialog.names_product {
            self.on(draft, "User-Agent")
        } else {
            draft
        }
    }

    /// The draft with our product in it, unless it names one.
    pub(super) fn on(&self, mut draft: Draft, name: &str) -> Draft {
        let named = draft
            .headers
            .iter()
            .any(|(held, _)| held.eq_ignore_ascii_case(name));
        if !named && draft.takes_product() && !self.0.is_empty() {
            draft.headers.push((name.to_owned(), self.0.clone()));
        }
        draft
    }
}
