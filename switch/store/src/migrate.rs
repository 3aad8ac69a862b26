//! Numbered, forward-only migrations. The file is copied before the first one that changes it.
//!
//! The schema's number is SQLite's `user_version`; each migration runs in a transaction of its own with its
//! number, so that a crash leaves the file at one number or the next. `schema.sql` is what all of them
//! together make; a test holds both against each other.

use crate::{StoreError, backup, connection::APPLICATION_ID, edit};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};
use tracing::info;

/// One step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// 1, 2, 3, ... without a gap.
    pub number: u32,
    /// What it does.
    pub sql: &'static str,
}

/// All steps there ever were.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        number: 2,
        sql: include_str!("../migrations/0002_lists.sql"),
    },
    Migration {
        number: 3,
        sql: include_str!("../migrations/0003_srtp.sql"),
    },
    Migration {
        number: 4,
        sql: include_str!("../migrations/0004_alerts.sql"),
    },
    Migration {
        number: 5,
        sql: include_str!("../migrations/0005_gateway_tls.sql"),
    },
    Migration {
        number: 6,
        sql: include_str!("../migrations/0006_signalling.sql"),
    },
    Migration {
        number: 7,
        sql: include_str!("../migrations/0007_quality.sql"),
    },
    Migration {
        number: 8,
        sql: include_str!("../migrations/0008_gateway_health.sql"),
    },
    Migration {
        number: 9,
        sql: include_str!("../migrations/0009_source_rules.sql"),
    },
    Migration {
        number: 10,
        sql: include_str!("../migrations/0010_codecs.sql"),
    },
    Migration {
        number: 11,
        sql: include_str!("../migrations/0011_attempts.sql"),
    },
    Migration {
        number: 12,
        sql: include_str!("../migrations/0012_upstream.sql"),
    },
    Migration {
        number: 13,
        sql: include_str!("../migrations/0013_transfers.sql"),
    },
    Migration {
        number: 14,
        sql: include_str!("../migrations/0014_recordings.sql"),
    },
    Migration {
        number: 15,
        sql: include_str!("../migrations/0015_noted.sql"),
    },
    Migration {
        number: 16,
        sql: include_str!("../migrations/0016_inbound_reach.sql"),
    },
    Migration {
        number: 17,
        sql: include_str!("../migrations/0017_noted_slots.sql"),
    },
    Migration {
        number: 18,
        sql: include_str!("../migrations/0018_did.sql"),
    },
    Migration {
        number: 19,
        sql: include_str!("../migrations/0019_gateway_reach.sql"),
    },
];

/// Brings a file to the newest schema; a new file gets all of it.
pub(crate) fn run(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let found = check(connection, path)?;
    let known = migrations.last().map_or(0, |last| last.number);
    if found > known {
        return Err(StoreError::TooNew {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found > 0 && found < known {
        keep_copy(connection, path, found)?;
    }
    for migration in migrations
        .iter()
        .filter(|migration| migration.number > found)
    {
        step(connection, migration)?;
        info!(number = migration.number, "database migrated");
    }
    edit::add_missing_settings(connection)
}

/// The schema number of a file that is ours or empty.
fn check(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let foreign = |_| StoreError::Foreign(path.to_owned());
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(foreign)?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if tables > 0 && id != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn keep_copy(connection: &Connection, path: &Path, found: u32) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema{found}.bak"));
    let copy = PathBuf::from(name);
    if !copy.exists() {
        backup::copy(connection, &copy)?;
    }
    info!(copy = %copy.display(), "database copied before its migration");
    Ok(())
}

fn step(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let failed = StoreError::sqlite("migrate the database");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    transaction.execute_batch(migration.sql).map_err(failed)?;
    transaction.pragma_update(None, "user_version", migration.number)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction
        .commit()
        .map_err(StoreError::sqlite("commit a migration"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails by panicking

    use super::*;
    use crate::connection;

    fn shape(connection: &Connection) -> Vec<(String, String)> {
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let plain = |row: rusqlite::Result<(String, String)>| {
            let (name, sql) = row.unwrap();
            (name, plain(&sql))
        };
        rows.map(plain).collect()
    }

    /// Without white space where it means nothing: added columns stand behind a line's end.
    fn plain(sql: &str) -> String {
        let words: Vec<&str> = sql.split_whitespace().collect();
        words.join(" ").replace(" ,", ",").replace(" )", ")")
    }

    #[test]
    fn the_schema_file_is_what_the_migrations_make() {
        let whole = Connection::open_in_memory().unwrap();
        whole.execute_batch(include_str!("../schema.sql")).unwrap();
        let stepwise = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            stepwise.execute_batch(migration.sql).unwrap();
        }
        assert_eq!(shape(&whole), shape(&stepwise));
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number as usize, index + 1);
        }
    }

    #[test]
    fn every_table_is_strict() {
        let whole = Connection::open_in_memory().unwrap();
        whole.execute_batch(include_str!("../schema.sql")).unwrap();
        let loose: i64 = whole
            .query_row(
                "SELECT count(*) FROM pragma_table_list WHERE strict = 0 AND schema = 'main' AND name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }

    const SECOND: Migration = Migration {
        number: 2,
        sql: "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;",
    };
    const BROKEN: Migration = Migration {
        number: 3,
        sql: "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE later (id) STRICT;",
    };

    #[test]
    fn the_file_is_copied_before_and_a_failed_step_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut file = connection::read_write(&path).unwrap();
        run(&mut file, &path, &MIGRATIONS[..1]).unwrap();
        let copy = folder.path().join("t.db.schema1.bak");
        assert!(!copy.exists(), "a new file needs no copy");

        let failed = run(&mut file, &path, &[MIGRATIONS[0], SECOND, BROKEN]);
        assert!(matches!(failed, Err(StoreError::Sqlite { .. })));
        let version: u32 = file
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, 2);
        assert!(!shape(&file).iter().any(|(name, _)| name == "half"));
        assert!(shape(&file).iter().any(|(name, _)| name == "later"));
        let before = connection::read_only(&copy).unwrap();
        assert!(!shape(&before).iter().any(|(name, _)| name == "later"));
    }

    #[test]
    fn blocked_prefixes_become_list_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut file = connection::read_write(&path).unwrap();
        run(&mut file, &path, &MIGRATIONS[..1]).unwrap();
        file.execute_batch(
            "INSERT INTO block_entry (id, revision, list, prefix, note) VALUES (7, 3, 'caller', '666', 'why')",
        )
        .unwrap();
        run(&mut file, &path, MIGRATIONS).unwrap();
        let kept: String = file
            .query_row(
                "SELECT id || revision || side || verdict || prefix || note FROM list_entry WHERE account_id IS NULL",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(kept, "73callerblock666why");
    }

    #[test]
    fn calls_in_from_a_gateway_reach_what_they_reached_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut file = connection::read_write(&path).unwrap();
        run(&mut file, &path, &MIGRATIONS[..18]).unwrap();
        file.execute_batch(
            "INSERT INTO account (id, revision, login, kind, status, currency, payment_mode, credit_limit, rules, \
             caller_id_mode, caller_ids, allowed_prefixes, blocked_prefixes, max_calls, max_cps, max_duration_s, codecs, \
             media, loss_policy, name, company, address, city, zip, state, country, email, phone, tax_id, language, \
             time_zone, notes, low_balance_mail, lot, created_at) \
             VALUES (7, 1, 'a', 'common', 'active', 'EUR', 'prepaid', 0, '', 'pass', '[]', '[]', '[]', 0, 0, 0, '[]', \
             'relay', 'refuse', '', '', '', '', '', '', '', '', '', '', '', 'UTC', '', '', '', 0);",
        )
        .unwrap();
        let gateway = "INSERT INTO gateway (revision, name, disabled, transport, rules, codecs, max_calls, max_cps, \
            currency, no_response_s, ring_timeout_s, send_pai, media, notes, inbound_account_id) \
            VALUES (1, ?1, 0, 'udp', '', '[]', 0, 0, 'EUR', 5, 0, 0, 'relay', '', ?2)";
        file.execute(gateway, ("open", Some(7))).unwrap();
        file.execute(gateway, ("shut", None::<i64>)).unwrap();
        run(&mut file, &path, MIGRATIONS).unwrap();
        let reach = |name: &str| -> String {
            let sql = "SELECT inbound_reach FROM gateway WHERE name = ?1";
            file.query_row(sql, [name], |row| row.get(0)).unwrap()
        };
        assert_eq!(
            (reach("open"), reach("shut")),
            ("anywhere".into(), "number".into())
        );
    }

    #[test]
    fn foreign_and_newer_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut file = connection::read_write(&path).unwrap();
        file.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(
            run(&mut file, &path, MIGRATIONS),
            Err(StoreError::Foreign(_))
        ));

        let path = folder.path().join("newer.db");
        let mut file = connection::read_write(&path).unwrap();
        run(&mut file, &path, MIGRATIONS).unwrap();
        file.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            run(&mut file, &path, MIGRATIONS),
            Err(StoreError::TooNew { found: 99, .. })
        ));
    }
}
