//! `admin`: the log-ins that open the door for all others.

use super::{Failure, Place, say};
use crate::{daemon::make_folder, engine::utc_now};
use clap::{Args, Subcommand};
use rand::{RngExt, rngs::SysRng};
use std::process::ExitCode;
use tandem_store::{ListQuery, Scope, Store, StoreOptions, login, record::Login};

#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Create an admin.
    Create {
        /// Log-in name.
        name: String,
        /// At least 8 characters; one is made and printed if left out.
        #[arg(long)]
        password: Option<String>,
    },
    /// Set a new password and unlock the log-in.
    Reset {
        /// Log-in name.
        #[arg(default_value = FIRST_ADMIN)]
        name: String,
        /// At least 8 characters; one is made and printed if left out.
        #[arg(long)]
        password: Option<String>,
    },
}

/// Name of the log-in made at first start.
const FIRST_ADMIN: &str = "admin";
/// No characters that look alike: 31^16 is 79 bits.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_CHARACTERS: usize = 16;

/// What is printed once.
pub(super) struct FirstAdmin {
    pub(super) name: &'static str,
    pub(super) password: String,
}

pub(super) fn run(place: &Place, args: &AdminArgs) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    make_folder(&config)?;
    let store = Store::open(&config.database(), StoreOptions::default())?;
    let (name, given) = match &args.what {
        What::Create { name, password } => {
            if logins(&store)?.iter().any(|login| login.name == *name) {
                return Err(format!(
                    "log-in \"{name}\" exists; use `admin reset {name}` for a new password"
                )
                .into());
            }
            (name, password)
        }
        What::Reset { name, password } => {
            if !logins(&store)?.iter().any(|login| login.name == *name) {
                return Err(
                    format!("there is no log-in \"{name}\"; use `admin create {name}`").into(),
                );
            }
            (name, password)
        }
    };
    let password = given.clone().map_or_else(new_password, Ok)?;
    login::set_password(&store.writer(), name, &password, utc_now())?;
    if given.is_none() {
        say(format_args!("password of \"{name}\": {password}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the first admin of a store that has no log-in at all.
pub(super) fn first_admin(store: &Store) -> Result<Option<FirstAdmin>, Failure> {
    if !logins(store)?.is_empty() {
        return Ok(None);
    }
    let first = FirstAdmin {
        name: FIRST_ADMIN,
        password: new_password()?,
    };
    login::set_password(&store.writer(), first.name, &first.password, utc_now())?;
    Ok(Some(first))
}

fn logins(store: &Store) -> Result<Vec<Login>, Failure> {
    let all = ListQuery::all(Scope::All).page(0, ListQuery::MAX_LIMIT);
    Ok(store.reader().records::<Login>(&all)?.rows)
}

fn new_password() -> Result<String, Failure> {
    let mut random = rand::rand_core::UnwrapErr(SysRng);
    Ok((0..PASSWORD_CHARACTERS)
        .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
        .collect())
}
