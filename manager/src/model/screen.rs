//! The places of the main window, and the tree that leads to them.

use crate::resource::View;
use serde::{Deserialize, Serialize};
use tandem_protocol::{Area, Right, login::Session};

/// A place.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Screen {
    #[default]
    LiveCalls,
    Registrations,
    GatewayStatus,
    UpstreamStatus,
    Counters,
    Traces,
    Records(View),
    Simulator,
    Pricing,
    NumberRules,
    Settings,
    System,
}

/// A branch of the tree.
pub struct Branch {
    pub title: &'static str,
    pub leaves: &'static [Screen],
}

/// As VoipSwitch's manager has it.
pub const TREE: [Branch; 8] = [
    Branch {
        title: "Monitor",
        leaves: &[
            Screen::LiveCalls,
            Screen::Registrations,
            Screen::GatewayStatus,
            Screen::UpstreamStatus,
            Screen::Counters,
            Screen::Traces,
        ],
    },
    Branch {
        title: "Clients",
        leaves: &[
            Screen::Records(View::Accounts),
            Screen::Records(View::Wholesale),
            Screen::Records(View::Retail),
            Screen::Records(View::CallingCard),
            Screen::Records(View::Callback),
            Screen::Records(View::CallShop),
            Screen::Records(View::Common),
            Screen::Records(View::Resellers),
            Screen::Records(View::Devices),
            Screen::Records(View::Sources),
            Screen::Records(View::Dids),
            Screen::Records(View::Payments),
        ],
    },
    Branch {
        title: "Destinations",
        leaves: &[
            Screen::Records(View::Gateways),
            Screen::Records(View::Upstreams),
        ],
    },
    Branch {
        title: "Routing",
        leaves: &[
            Screen::Records(View::Groups),
            Screen::Records(View::Routes),
            Screen::Records(View::Lists),
        ],
    },
    Branch {
        title: "Tariffs and rates",
        leaves: &[
            Screen::Records(View::Tariffs),
            Screen::Records(View::Rates),
            Screen::Records(View::Ratios),
        ],
    },
    Branch {
        title: "Reports",
        leaves: &[
            Screen::Records(View::Cdrs),
            Screen::Records(View::Ledger),
            Screen::Records(View::Audit),
        ],
    },
    Branch {
        title: "Tools",
        leaves: &[Screen::Simulator, Screen::Pricing, Screen::NumberRules],
    },
    Branch {
        title: "System",
        leaves: &[
            Screen::Settings,
            Screen::Records(View::Logins),
            Screen::Records(View::SourceRules),
            Screen::System,
        ],
    },
];

impl Screen {
    pub fn title(self) -> &'static str {
        match self {
            Self::LiveCalls => "Live calls",
            Self::Registrations => "Registrations",
            Self::GatewayStatus => "Gateway status",
            Self::UpstreamStatus => "Upstream status",
            Self::Counters => "Counters",
            Self::Traces => "SIP traces",
            Self::Records(view) => view.title(),
            Self::Simulator => "Call simulator",
            Self::Pricing => "Rate a call",
            Self::NumberRules => "Number rules",
            Self::Settings => "Settings",
            Self::System => "Server",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::LiveCalls => "📞",
            Self::Registrations => "📡",
            Self::GatewayStatus => "🚦",
            Self::UpstreamStatus => "📶",
            Self::Counters => "📈",
            Self::Traces => "👣",
            Self::Records(view) => view.resource().icon,
            Self::Simulator => "🔍",
            Self::Pricing => "💲",
            Self::NumberRules => "✏",
            Self::Settings => "⚙",
            Self::System => "🖥",
        }
    }

    /// The right a login needs for it.
    pub fn area(self) -> Area {
        match self {
            Self::LiveCalls | Self::Registrations => Area::Live,
            Self::GatewayStatus | Self::UpstreamStatus => Area::Gateways,
            Self::Counters | Self::System => Area::System,
            Self::Traces => Area::SipTraces,
            Self::Records(view) => view.area(),
            Self::Simulator | Self::Pricing | Self::NumberRules => Area::Simulator,
            Self::Settings => Area::Settings,
        }
    }

    pub fn all() -> impl Iterator<Item = Self> {
        TREE.iter().flat_map(|branch| branch.leaves.iter().copied())
    }
}

/// Whether the login may do this. The switch enforces it; here it only hides what would be refused.
pub fn may(session: &Session, area: Area, right: Right) -> bool {
    session
        .rights
        .iter()
        .any(|grant| grant.area == area && grant.right >= right)
}
