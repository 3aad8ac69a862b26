//! The manual page, the service and the sample configuration tell what the program does, or these tests fail.

use super::{Cli, NO_SWITCH, SOMEBODY_HAS_TO_ACT};
use crate::config::{Changes, Config, RELOADED};
use clap::{Command, CommandFactory};

const PAGE: &str = include_str!("../../../installer/linux/tandem-switch.8");
const SERVICE: &str = include_str!("../../../installer/linux/tandem-switch.service");
const SAMPLE: &str = include_str!("../../../installer/switch.toml");

/// The page without the marks of mdoc, blanks made single.
fn page() -> String {
    let plain: Vec<&str> = PAGE
        .split_whitespace()
        .map(|word| word.trim_start_matches('.'))
        .collect();
    plain.join(" ")
}

fn each(command: &Command, path: &str, seen: &mut impl FnMut(&str, &Command)) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        seen(path.trim(), below);
        each(below, &path, seen);
    }
}

#[test]
fn every_command_and_option_is_in_the_manual() {
    let (page, cli) = (page(), Cli::command());
    let mut missing = Vec::new();
    let mut check = |path: &str, command: &Command| {
        if !page.contains(&format!("It Cm {path}")) && !path.is_empty() {
            missing.push(path.to_owned());
        }
        let options = command.get_arguments().filter_map(|one| one.get_long());
        for option in options.filter(|option| !page.contains(&format!("Fl -{option}"))) {
            missing.push(format!("{path} --{option}"));
        }
    };
    check("", &cli);
    each(&cli, "", &mut check);
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_key_of_the_configuration_is_in_the_manual() {
    let page = page();
    for key in Changes::known() {
        let name = key.split_once("].").map_or(key.as_str(), |(_, name)| name);
        let reloaded = RELOADED.contains(&name);
        let mark = if reloaded { " No *" } else { "" };
        assert!(page.contains(&format!("{name}{mark}")), "{key}");
        assert!(reloaded || !page.contains(&format!("{name} No *")), "{key}");
    }
}

#[test]
fn every_exit_code_is_in_the_manual() {
    for code in [0, 1, 2, NO_SWITCH, SOMEBODY_HAS_TO_ACT] {
        assert!(PAGE.contains(&format!(".It {code}\n")), "{code}");
    }
}

#[test]
fn the_service_and_the_sample_configuration_fit_each_other() {
    let config: Config = toml::from_str(SAMPLE).expect("well formed");
    assert_eq!(config.faults(), []);
    let value = |key: &str| {
        let line = SERVICE.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.strip_prefix('='))
            .unwrap_or_else(|| panic!("{key} is missing"))
    };
    let state = format!("/var/lib/{}", value("StateDirectory"));
    assert_eq!(config.data.to_str(), Some(state.as_str()));
    assert!(value("ExecStart").ends_with(&format!(
        "/etc/{}/switch.toml",
        value("ConfigurationDirectory")
    )));
    assert!(value("RestartPreventExitStatus").contains(&SOMEBODY_HAS_TO_ACT.to_string()));
    assert_eq!(value("Documentation"), "man:tandem-switch(8)");
    let defaults = Config {
        data: config.data.clone(),
        ..Config::default()
    };
    assert!(
        Changes::between(&defaults, &config).is_empty(),
        "the sample has the defaults"
    );
}
