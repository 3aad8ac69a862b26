//! The workspace's Rust sources as text.

use std::path::{Path, PathBuf};

/// One file, by its path from the root, with `/`.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Source {
    /// Every `.rs` file of the workspace's crates, sorted by path.
    pub fn all() -> Vec<Self> {
        let mut files = Vec::new();
        for top in ["switch", "protocol", "manager", "tests"] {
            collect(&root().join(top), top, &mut files);
        }
        assert!(files.len() > 20, "sources not found");
        files.sort_by(|a: &Self, b: &Self| a.path.cmp(&b.path));
        files
    }

    /// The lines before the inline tests.
    pub fn product_lines(&self) -> Vec<&str> {
        self.text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .collect()
    }

    /// Whether the file proves and does not ship.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || ["/tests/", "/benches/", "/examples/"]
                .iter()
                .any(|part| self.path.contains(part))
    }
}

fn collect(folder: &Path, name: &str, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace is readable") {
        let entry = entry.expect("its entries too");
        let file = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{name}/{file}");
        if entry.path().is_dir() {
            if !file.starts_with("target") {
                collect(&entry.path(), &path, files);
            }
        } else if file.ends_with(".rs") {
            let text = std::fs::read_to_string(entry.path()).expect("sources are UTF-8");
            files.push(Source { path, text });
        }
    }
}
