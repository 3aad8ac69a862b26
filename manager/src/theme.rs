//! Design tokens: the only place with colours and sizes.
//!
//! Dark and light are two rows of the same table; screens ask for a meaning ("bad", "weak") and never for a
//! colour. Sizes are points. Hit targets are at least [`MIN_TARGET`] high.

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, Vec2};
use serde::{Deserialize, Serialize};

/// Gaps between things that belong together.
pub const GAP: f32 = 8.0;
/// Gaps between things that do not.
pub const GAP_WIDE: f32 = 16.0;
pub const GAP_SMALL: f32 = 4.0;
/// Smallest height of anything that can be clicked.
pub const MIN_TARGET: f32 = 24.0;
pub const ROW: f32 = 26.0;
pub const HEADER: f32 = 30.0;
pub const BUTTON: f32 = 28.0;
pub const TREE_WIDTH: f32 = 248.0;
pub const TREE_MIN: f32 = 150.0;
pub const TREE_MAX: f32 = 360.0;
pub const DETAIL_WIDTH: f32 = 520.0;
pub const DETAIL_MIN: f32 = 420.0;
pub const DETAIL_MAX: f32 = 900.0;
pub const LABEL_WIDTH: f32 = 158.0;
pub const FIELD_WIDTH: f32 = 260.0;
pub const WIDE_FIELD: f32 = 420.0;
pub const TOOL_FORM: f32 = 470.0;
/// Narrower than this, an answer stands below its form.
pub const SIDE_BY_SIDE: f32 = 900.0;
/// The most of a screen's width that a form beside a table takes at first.
pub const DETAIL_SHARE: f32 = 0.56;
pub const SHORT_FIELD_WIDTH: f32 = 130.0;
pub const FILTER_WIDTH: f32 = 220.0;
pub const CONNECT_WIDTH: f32 = 680.0;
pub const CONNECT_HEIGHT: f32 = 250.0;
pub const SERVER_LIST: f32 = 200.0;
pub const SHORT_LABEL: f32 = 84.0;
pub const DIALOG_WIDTH: f32 = 460.0;
pub const PALETTE_WIDTH: f32 = 560.0;
pub const PALETTE_HEIGHT: f32 = 380.0;
pub const CARD_WIDTH: f32 = 182.0;
pub const FIGURE: f32 = 16.5;
pub const CARD_HEIGHT: f32 = 72.0;
pub const CARD_PADDING: f32 = 26.0;
pub const CARD_INNER: f32 = CARD_WIDTH - CARD_PADDING;
pub const PLOT_HEIGHT: f32 = 180.0;
pub const PLOT_MIN_WIDTH: f32 = 330.0;
pub const PLOT_LINE: f32 = 1.6;
pub const COLUMN_MIN: f32 = 44.0;
/// Keeps toasts off the status bar.
pub const TOAST_MARGIN: Vec2 = Vec2::new(16.0, 44.0);
pub const TOAST_WIDTH: f32 = 360.0;
pub const PICKER_HEIGHT: f32 = 260.0;
pub const TRACES_HEIGHT: f32 = 220.0;
pub const STEP_BADGE: f32 = 92.0;
/// Size of the first window, in points.
pub const WINDOW: [f32; 2] = [1320.0, 840.0];
/// Smallest size in which every screen still works, in points.
pub const WINDOW_MIN: [f32; 2] = [900.0, 560.0];

/// Width of a column of so many characters.
pub fn column_width(chars: u8) -> f32 {
    f32::from(chars) * CHAR + 12.0
}

const CHAR: f32 = 6.9;
const RADIUS: u8 = 5;
const BODY: f32 = 13.5;
const SMALL: f32 = 11.5;
const HEADING: f32 = 19.0;

/// What a colour says. Never the only carrier: an icon or a word goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Normal,
    Weak,
    Good,
    Warn,
    Bad,
    Info,
}

/// One theme.
pub struct Tokens {
    pub base: Color32,
    pub panel: Color32,
    pub raised: Color32,
    pub field: Color32,
    pub border: Color32,
    pub stripe: Color32,
    pub text: Color32,
    pub weak: Color32,
    pub accent: Color32,
    pub on_accent: Color32,
    pub selection: Color32,
    pub good: Color32,
    pub warn: Color32,
    pub bad: Color32,
    pub on_bad: Color32,
    pub info: Color32,
    pub control: Color32,
    pub control_hover: Color32,
    pub control_active: Color32,
    pub series: [Color32; 4],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

pub const DARK: Tokens = Tokens {
    base: rgb(0x12161d),
    panel: rgb(0x181d26),
    raised: rgb(0x1f2630),
    field: rgb(0x0e1218),
    border: rgb(0x323b49),
    stripe: rgb(0x161b23),
    text: rgb(0xdce2ea),
    weak: rgb(0x94a0b2),
    accent: rgb(0x3b82f6),
    on_accent: rgb(0xffffff),
    selection: rgb(0x1f3d6b),
    good: rgb(0x4ccb8a),
    warn: rgb(0xf0b13c),
    bad: rgb(0xff7b72),
    on_bad: rgb(0x2b0a08),
    info: rgb(0x67b2ff),
    control: rgb(0x2a3340),
    control_hover: rgb(0x364152),
    control_active: rgb(0x222a35),
    series: [rgb(0x67b2ff), rgb(0x4ccb8a), rgb(0xf0b13c), rgb(0xc792ea)],
};

pub const LIGHT: Tokens = Tokens {
    base: rgb(0xffffff),
    panel: rgb(0xf3f5f8),
    raised: rgb(0xffffff),
    field: rgb(0xffffff),
    border: rgb(0xcdd4de),
    stripe: rgb(0xf7f9fb),
    text: rgb(0x1c2430),
    weak: rgb(0x566273),
    accent: rgb(0x1d62d6),
    on_accent: rgb(0xffffff),
    selection: rgb(0xcfe1fd),
    good: rgb(0x0f7a46),
    warn: rgb(0x8f5a00),
    bad: rgb(0xbb2119),
    on_bad: rgb(0xffffff),
    info: rgb(0x155fc0),
    control: rgb(0xe7ebf1),
    control_hover: rgb(0xd8dfe9),
    control_active: rgb(0xc9d3e0),
    series: [rgb(0x1d62d6), rgb(0x0f7a46), rgb(0xa86400), rgb(0x7a3db8)],
};

impl Tokens {
    pub fn tone(&self, tone: Tone) -> Color32 {
        match tone {
            Tone::Normal => self.text,
            Tone::Weak => self.weak,
            Tone::Good => self.good,
            Tone::Warn => self.warn,
            Tone::Bad => self.bad,
            Tone::Info => self.info,
        }
    }
}

/// The tokens of the theme a `Ui` draws in.
pub fn tokens(ui: &egui::Ui) -> &'static Tokens {
    of(ui.visuals().dark_mode)
}

pub fn of(dark: bool) -> &'static Tokens {
    if dark { &DARK } else { &LIGHT }
}

/// The operator's choice, kept between runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    #[default]
    System,
    Dark,
    Light,
}

impl ThemeChoice {
    pub fn apply(self, ctx: &egui::Context) {
        ctx.set_theme(match self {
            Self::System => egui::ThemePreference::System,
            Self::Dark => egui::ThemePreference::Dark,
            Self::Light => egui::ThemePreference::Light,
        });
    }
}

/// Gives both egui styles our looks. Once, at start.
pub fn install(ctx: &egui::Context) {
    for (theme, tokens) in [(egui::Theme::Dark, &DARK), (egui::Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            text(style);
            spacing(style);
            visuals(&mut style.visuals, tokens);
        });
    }
}

fn text(style: &mut egui::Style) {
    for (name, size, family) in [
        (TextStyle::Small, SMALL, FontFamily::Proportional),
        (TextStyle::Body, BODY, FontFamily::Proportional),
        (TextStyle::Button, BODY, FontFamily::Proportional),
        (TextStyle::Heading, HEADING, FontFamily::Proportional),
        (TextStyle::Monospace, BODY - 0.5, FontFamily::Monospace),
    ] {
        style.text_styles.insert(name, FontId::new(size, family));
    }
}

fn spacing(style: &mut egui::Style) {
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(GAP, 6.0);
    spacing.button_padding = Vec2::new(10.0, 4.0);
    spacing.interact_size = Vec2::new(40.0, MIN_TARGET);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(6);
    spacing.combo_width = SHORT_FIELD_WIDTH;
    spacing.text_edit_width = FIELD_WIDTH;
    spacing.icon_width = 18.0;
    spacing.icon_width_inner = 11.0;
    spacing.scroll = egui::style::ScrollStyle::solid();
    spacing.scroll.bar_width = 9.0;
    style.interaction.tooltip_delay = 0.35;
}

fn visuals(visuals: &mut egui::Visuals, t: &Tokens) {
    visuals.panel_fill = t.panel;
    visuals.window_fill = t.raised;
    visuals.window_stroke = Stroke::new(1.0, t.border);
    visuals.extreme_bg_color = t.field;
    visuals.text_edit_bg_color = Some(t.field);
    visuals.faint_bg_color = t.stripe;
    visuals.code_bg_color = t.control;
    visuals.hyperlink_color = t.info;
    visuals.warn_fg_color = t.warn;
    visuals.error_fg_color = t.bad;
    visuals.weak_text_color = Some(t.weak);
    visuals.selection.bg_fill = t.selection;
    visuals.selection.stroke = Stroke::new(1.0, t.text);
    visuals.window_corner_radius = CornerRadius::same(RADIUS + 3);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS);
    let shadow = Shadow {
        offset: [0, 6],
        blur: 18,
        spread: 0,
        color: Color32::from_black_alpha(70),
    };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    let widgets = &mut visuals.widgets;
    for (widget, fill, stroke, text) in [
        (&mut widgets.noninteractive, t.panel, t.border, t.text),
        (&mut widgets.inactive, t.control, t.border, t.text),
        (&mut widgets.hovered, t.control_hover, t.accent, t.text),
        (&mut widgets.active, t.control_active, t.accent, t.text),
        (&mut widgets.open, t.control_active, t.accent, t.text),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, stroke);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = CornerRadius::same(RADIUS);
        widget.expansion = 0.0;
    }
}

/// A text box as high as the buttons beside it, its text in the middle.
pub fn beside_buttons(edit: egui::TextEdit<'_>) -> egui::TextEdit<'_> {
    edit.min_size(Vec2::new(0.0, BUTTON))
        .align(egui::Align2::LEFT_CENTER)
}

/// Rows close to each other, faint lines, and clicks that reach the row.
pub fn table_style(ui: &mut egui::Ui) {
    let line = tokens(ui).raised;
    let style = ui.style_mut();
    style.interaction.selectable_labels = false;
    style.spacing.item_spacing.y = 0.0;
    style.visuals.widgets.noninteractive.bg_stroke.color = line;
}

/// The open leaf is tinted, whether or not the tree has the keyboard.
pub fn tree_style(ui: &mut egui::Ui) {
    let accent = tokens(ui).accent;
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.visuals_mut().widgets.inactive.weak_bg_fill = accent;
}

/// A box that stands out from the panel behind it.
pub fn card(ui: &egui::Ui) -> egui::Frame {
    let t = tokens(ui);
    egui::Frame::new()
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.border))
        .corner_radius(CornerRadius::same(RADIUS + 1))
        .inner_margin(Margin::same(12))
}

/// The area right of the tree.
pub fn page(ui: &egui::Ui) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens(ui).base)
        .inner_margin(Margin {
            left: 16,
            right: 14,
            top: 12,
            bottom: 10,
        })
}

/// A question, the palette: what stands above all else.
pub fn dialog(ui: &egui::Ui) -> egui::Frame {
    egui::Frame::popup(ui.style()).inner_margin(Margin::same(18))
}

/// A table, with or without something at its right.
pub fn beside(detail: bool) -> egui::Frame {
    egui::Frame::new().inner_margin(Margin {
        right: if detail { 12 } else { 0 },
        ..Margin::ZERO
    })
}

/// The form or detail at the right of a table.
pub fn detail(ui: &egui::Ui) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens(ui).base)
        .inner_margin(Margin {
            left: 14,
            right: 0,
            top: 0,
            bottom: 0,
        })
}

/// Menu bar, tree and status bar.
pub fn bar(ui: &egui::Ui) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens(ui).panel)
        .inner_margin(Margin::symmetric(10, 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG relative luminance.
    fn luminance(color: Color32) -> f64 {
        let part = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.03928 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(color.r()) + 0.7152 * part(color.g()) + 0.0722 * part(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_readable_on_every_ground_it_stands_on() {
        for t in [&DARK, &LIGHT] {
            for ground in [t.base, t.panel, t.raised, t.stripe, t.field, t.selection] {
                assert!(contrast(t.text, ground) >= 7.0, "{ground:?}");
            }
            for ground in [t.base, t.panel, t.raised] {
                for color in [t.weak, t.good, t.warn, t.bad, t.info] {
                    assert!(contrast(color, ground) >= 4.5, "{color:?} on {ground:?}");
                }
            }
        }
    }
}
