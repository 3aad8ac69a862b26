//! Longest-prefix maps over number strings (any characters), compact and fast (1,000,000 entries).

#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    _t: Vec<T>,
}
impl<T> PrefixMap<T> {
    /// Later entries replace earlier ones of the same prefix.
    pub fn build(entries: Vec<(String, T)>) -> Self {
        todo!()
    }
    /// Matches of `number`, longest first.
    pub fn matches<'a>(&'a self, number: &'a str) -> impl Iterator<Item = (&'a str, &'a T)> {
        let v: Vec<(&'a str, &'a T)> = todo!();
        v.into_iter()
    }
    pub fn longest(&self, number: &str) -> Option<(&str, &T)> {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
impl<T> Default for PrefixMap<T> {
    fn default() -> Self {
        Self { _t: Vec::new() }
    }
}
