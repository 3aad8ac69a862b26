//! What happened, kept readable after its toast is gone.

/// Most kept; the oldest go.
const MOST: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Good,
    Info,
    Warn,
    Bad,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub at_ms: i64,
    pub level: Level,
    pub text: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
    unread: usize,
    toasts: Vec<Notice>,
}

impl Notices {
    pub fn add(&mut self, at_ms: i64, level: Level, text: impl Into<String>) {
        let notice = Notice {
            at_ms,
            level,
            text: text.into(),
        };
        self.toasts.push(notice.clone());
        self.list.push(notice);
        self.unread = (self.unread + 1).min(MOST);
        if self.list.len() > MOST {
            self.list.remove(0);
        }
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Notice> {
        self.list.iter().rev()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn unread(&self) -> usize {
        self.unread
    }

    pub fn mark_read(&mut self) {
        self.unread = 0;
    }

    pub fn clear(&mut self) {
        self.list.clear();
        self.unread = 0;
    }

    /// Those not shown as a toast yet.
    pub fn take_toasts(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.toasts)
    }
}
