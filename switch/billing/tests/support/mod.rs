//! Aligned text tables: columns are separated by ` | `, the last is the expectation; `#` starts a comment.

/// Rows of a table file with their line numbers.
pub fn rows(text: &str, columns: usize) -> Vec<(usize, Vec<&str>)> {
    let rows: Vec<(usize, Vec<&str>)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| (index + 1, line.split(" | ").map(str::trim).collect()))
        .collect();
    for (line, cells) in &rows {
        assert_eq!(
            cells.len(),
            columns,
            "line {line} has the wrong number of columns"
        );
    }
    rows
}

/// Fails with every row that is wrong, not only the first.
pub fn report(faults: &[String], rows: usize) {
    assert!(rows > 0, "the table is empty");
    assert!(
        faults.is_empty(),
        "{} of {rows} rows:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
