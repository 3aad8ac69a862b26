//! Everything an operator can tell the program: one enum.
//!
//! Menus, buttons, the palette and the keyboard only *send* these; one place (the `app` module) carries them out after
//! the frame. Text, tooltip, icon and shortcut of each are here and nowhere else.

use crate::{model::screen::Screen, resource::View, theme::ThemeChoice};
use egui::{Key, KeyboardShortcut, Modifiers};
use tandem_protocol::CallId;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Connect,
    CancelConnect,
    TrustCertificate,
    /// Forget the old fingerprint, after the warning was read.
    ReplaceCertificate,
    ChooseServer(usize),
    NewServer,
    ForgetServer(usize),
    Disconnect,
    Quit,

    Open(Screen),
    OpenScoped {
        view: View,
        field: &'static str,
        id: i64,
        name: String,
    },
    ClearScope,
    Palette,
    Notices,
    ClearNotices,
    Theme(ThemeChoice),
    Shortcuts,

    Refresh,
    FocusFilter,
    CopyRows,
    ExportCsv,
    SelectAll,
    NextPage,
    PreviousPage,

    New,
    Edit,
    Delete,
    DeleteNow {
        view: View,
        id: i64,
        name: String,
    },
    Save,
    Revert,
    CloseForm,
    KeepOurs,
    TakeTheirs,

    /// Of the question whether to leave a changed form.
    SaveAndGo,
    DiscardAndGo,
    Stay,
    /// Of any question that is up.
    Confirm,
    Cancel,

    Freeze,
    HangUp,
    HangUpNow {
        call: CallId,
        name: String,
    },
    /// Asks the chosen gateway, or registers the chosen upstream registration, now.
    Probe,
    Unregister,
    UnregisterNow {
        username: String,
    },

    /// Begins a SIP trace of what is chosen.
    Follow,
    BeginTrace,
    StopTrace,
    DeleteTrace,
    TraceText,
    TracePcap,

    Simulate,
    Price,
    TryRules,
    SaveSettings,
    RevertSettings,
    Verify,
    Backup,
    ChangePassword,
    HistoryHours(i64),
    /// Of the open call that is chosen.
    Record,
    StopRecording,
    /// Of the CDR that shows.
    SaveRecording,
}

/// Text, tooltip, icon and shortcut.
type Looks = (
    &'static str,
    &'static str,
    &'static str,
    Option<KeyboardShortcut>,
);

/// What a command looks like.
pub struct Spec {
    pub text: String,
    pub tooltip: &'static str,
    pub icon: &'static str,
    pub shortcut: Option<KeyboardShortcut>,
}

const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(
        Modifiers::COMMAND.plus(Modifiers::SHIFT),
        key,
    ))
}

const fn plain(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

impl Command {
    pub fn spec(&self) -> Spec {
        if let Self::Open(screen) = self {
            return Spec {
                text: screen.title().into(),
                tooltip: "Opens it",
                icon: screen.icon(),
                shortcut: ctrl_digit(*screen),
            };
        }
        let (text, tooltip, icon, shortcut) = self.looks();
        Spec {
            text: text.into(),
            tooltip,
            icon,
            shortcut,
        }
    }

    fn looks(&self) -> Looks {
        match self {
            Self::Connect => ("Connect", "Logs in to the switch", "🔌", None),
            Self::CancelConnect => ("Cancel", "Stops connecting", "✖", None),
            Self::TrustCertificate => (
                "Trust this switch",
                "Pins the fingerprint and logs in",
                "✔",
                None,
            ),
            Self::ReplaceCertificate => (
                "Forget the old fingerprint",
                "Only if you know why it changed",
                "⚠",
                None,
            ),
            Self::ChooseServer(_) => ("Choose server", "Fills the form", "🖥", None),
            Self::NewServer => ("New server", "Empties the form", "➕", None),
            Self::ForgetServer(_) => ("Forget server", "Takes it off the list", "🗑", None),
            Self::Disconnect => ("Log out", "Leaves this switch", "⏏", ctrl_shift(Key::L)),
            Self::Quit => ("Quit", "Ends the program", "✖", ctrl(Key::Q)),
            Self::Open(_) | Self::OpenScoped { .. } => ("Open", "Opens it", "➡", None),
            Self::ClearScope => ("Show all", "Leaves the narrowed table", "✖", None),
            Self::Palette => (
                "Command palette",
                "Finds any command by name",
                "⌨",
                ctrl(Key::K),
            ),
            Self::Notices => (
                "Notifications",
                "What happened lately",
                "🔔",
                ctrl_shift(Key::N),
            ),
            Self::ClearNotices => ("Clear", "Empties the list", "🗑", None),
            Self::Theme(ThemeChoice::System) => ("System theme", "Follows the desktop", "💻", None),
            Self::Theme(ThemeChoice::Dark) => {
                ("Dark theme", "Light text on a dark ground", "🌙", None)
            }
            Self::Theme(ThemeChoice::Light) => {
                ("Light theme", "Dark text on a light ground", "☀", None)
            }
            Self::Shortcuts => ("Keyboard shortcuts", "All of them", "⌨", plain(Key::F1)),
            Self::SaveAndGo => ("Save", "Saves, then goes on", "💾", None),
            Self::DiscardAndGo => ("Discard", "Drops the changes, then goes on", "🗑", None),
            Self::Stay => ("Stay", "Back to the form", "↩", None),
            Self::Confirm => ("Confirm", "Does it", "✔", None),
            Self::Cancel => ("Cancel", "Changes nothing", "✖", None),
            _ => self.table_looks(),
        }
    }

    fn table_looks(&self) -> Looks {
        match self {
            Self::Refresh => ("Refresh", "Asks the switch again", "⟲", plain(Key::F5)),
            Self::FocusFilter => ("Filter", "Goes to the filter box", "🔍", ctrl(Key::F)),
            Self::CopyRows => (
                "Copy rows",
                "Chosen rows, or all shown, for a spreadsheet",
                "🗐",
                ctrl_shift(Key::C),
            ),
            Self::ExportCsv => (
                "Export CSV",
                "All rows shown, to a file",
                "💾",
                ctrl(Key::E),
            ),
            Self::SelectAll => ("Select all", "All rows shown", "☑", None),
            Self::NextPage => ("Next page", "Later rows", "▶", None),
            Self::PreviousPage => ("Previous page", "Earlier rows", "◀", None),
            Self::New => ("New", "A new one", "➕", ctrl(Key::N)),
            Self::Edit => ("Edit", "Opens the chosen one", "✏", plain(Key::F2)),
            Self::Delete | Self::DeleteNow { .. } => (
                "Delete",
                "Deletes the chosen one, after a question",
                "🗑",
                None,
            ),
            Self::Save => ("Save", "Sends the form to the switch", "💾", ctrl(Key::S)),
            Self::Revert => ("Revert", "Back to what stands on the switch", "↩", None),
            Self::CloseForm => ("Close", "Closes the form", "✖", ctrl(Key::W)),
            Self::KeepOurs => (
                "Keep mine",
                "The next save keeps these fields as I have them",
                "💾",
                None,
            ),
            Self::TakeTheirs => ("Take theirs", "Drops my changes", "↩", None),
            Self::Freeze => (
                "Freeze",
                "The table stands still; the calls go on",
                "⏸",
                ctrl(Key::P),
            ),
            Self::HangUp | Self::HangUpNow { .. } => (
                "Hang up",
                "Ends the chosen call, after a question",
                "📵",
                None,
            ),
            Self::Probe => (
                "Ask now",
                "Asks the chosen gateway whether it is there, or registers anew",
                "📡",
                None,
            ),
            Self::Unregister | Self::UnregisterNow { .. } => {
                ("Unregister", "Drops the phone's registrations", "✖", None)
            }
            _ => self.trace_looks(),
        }
    }

    fn trace_looks(&self) -> Looks {
        match self {
            Self::Follow => (
                "Follow SIP",
                "Begins a SIP trace of the chosen one, for ten minutes",
                "👣",
                ctrl(Key::T),
            ),
            Self::BeginTrace => ("Begin trace", "Keeps its messages from now on", "👣", None),
            Self::StopTrace => ("Stop", "What was kept stays", "⏹", None),
            Self::DeleteTrace => ("Delete trace", "Drops what was kept", "🗑", None),
            Self::TraceText => ("Save as text", "A ladder, then every message", "💾", None),
            Self::Record => ("Record", "Records the chosen call from now on", "⏺", None),
            Self::StopRecording => ("Stop recording", "What was recorded stays", "⏹", None),
            Self::SaveRecording => (
                "Save recording",
                "Fetches the WAV file: caller left, called side right",
                "💾",
                None,
            ),
            Self::TracePcap => ("Save for Wireshark", "As pcap", "💾", None),
            _ => self.tool_looks(),
        }
    }

    fn tool_looks(&self) -> Looks {
        match self {
            Self::Simulate => (
                "Simulate",
                "Asks the switch what it would do",
                "▶",
                ctrl(Key::Enter),
            ),
            Self::Price => ("Rate", "Asks the switch what it costs", "▶", None),
            Self::TryRules => ("Try", "Asks the switch what the rules do", "▶", None),
            Self::SaveSettings => ("Save settings", "They take effect at once", "💾", None),
            Self::RevertSettings => ("Revert settings", "Back to what is in force", "↩", None),
            Self::Verify => ("Verify books", "Checks ledger, holds and CDRs", "☑", None),
            Self::Backup => (
                "Back up now",
                "Copies the database while it runs",
                "💾",
                None,
            ),
            Self::ChangePassword => ("Change password", "Your own", "🔑", None),
            Self::HistoryHours(_) => ("Range", "How far back", "🕓", None),
            _ => ("", "", "", None),
        }
    }

    /// What the palette offers and the keyboard listens for; those with data of their own come from their screens.
    pub fn standing() -> Vec<Self> {
        let mut all: Vec<Self> = Screen::all().map(Self::Open).collect();
        all.extend([
            Self::Refresh,
            Self::FocusFilter,
            Self::CopyRows,
            Self::ExportCsv,
            Self::SelectAll,
            Self::NextPage,
            Self::PreviousPage,
            Self::New,
            Self::Edit,
            Self::Delete,
            Self::Save,
            Self::Revert,
            Self::CloseForm,
            Self::Freeze,
            Self::HangUp,
            Self::Probe,
            Self::Unregister,
            Self::Follow,
            Self::Record,
            Self::StopRecording,
            Self::SaveRecording,
            Self::Simulate,
            Self::Price,
            Self::TryRules,
            Self::SaveSettings,
            Self::RevertSettings,
            Self::Verify,
            Self::Backup,
            Self::Palette,
            Self::Notices,
            Self::Theme(ThemeChoice::System),
            Self::Theme(ThemeChoice::Dark),
            Self::Theme(ThemeChoice::Light),
            Self::Shortcuts,
            Self::Disconnect,
            Self::Quit,
        ]);
        all
    }
}

/// Ctrl+1 to Ctrl+9 for what is opened most.
fn ctrl_digit(screen: Screen) -> Option<KeyboardShortcut> {
    match screen {
        Screen::LiveCalls => ctrl(Key::Num1),
        Screen::Registrations => ctrl(Key::Num2),
        Screen::GatewayStatus => ctrl(Key::Num3),
        Screen::Counters => ctrl(Key::Num4),
        Screen::Records(View::Accounts) => ctrl(Key::Num5),
        Screen::Records(View::Gateways) => ctrl(Key::Num6),
        Screen::Records(View::Routes) => ctrl(Key::Num7),
        Screen::Records(View::Cdrs) => ctrl(Key::Num8),
        Screen::Simulator => ctrl(Key::Num9),
        _ => None,
    }
}

/// What the screens of one frame have sent.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    pub fn send(&mut self, command: Command) {
        self.0.push(command);
    }

    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_command_has_a_face_and_a_shortcut_of_its_own() {
        let mut shortcuts = Vec::new();
        for command in Command::standing() {
            let spec = command.spec();
            assert!(
                !spec.text.is_empty() && !spec.icon.is_empty() && !spec.tooltip.is_empty(),
                "{command:?}"
            );
            if let Some(shortcut) = spec.shortcut {
                assert!(
                    !shortcuts.contains(&shortcut),
                    "{command:?} shares its shortcut"
                );
                shortcuts.push(shortcut);
            }
        }
    }
}
