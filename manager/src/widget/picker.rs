//! A field that names another object: shows its name, searches on the switch as one types.

use crate::{
    model::names::{Lookup, Names},
    resource::View,
    theme,
};
use egui::{Popup, PopupCloseBehavior, Response, Ui, Vec2};

/// What a picker needs of the model.
pub struct Picker<'a> {
    pub names: &'a Names,
    pub lookup: &'a mut Lookup,
}

impl Picker<'_> {
    /// Some(None): emptied; Some(Some(id)): chosen.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        label: &Response,
        view: View,
        current: Option<i64>,
        optional: bool,
    ) -> Option<Option<i64>> {
        let text = current.map_or_else(|| "(none)".to_owned(), |id| self.names.get(view, id));
        let button = egui::Button::new(text)
            .right_text("⏷")
            .min_size(Vec2::new(theme::FIELD_WIDTH, theme::MIN_TARGET))
            .truncate();
        let response = ui.add(button).labelled_by(label.id);
        let id = response.id;
        if response.clicked() {
            self.lookup.close();
        }
        let mut chosen = None;
        let popup = Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            ui.set_width(theme::FIELD_WIDTH);
            let fresh = self.lookup.view != Some(view);
            let mut text = if fresh {
                String::new()
            } else {
                self.lookup.text.clone()
            };
            let box_id = id.with("search");
            let search = egui::TextEdit::singleline(&mut text)
                .id(box_id)
                .hint_text("Search")
                .desired_width(f32::INFINITY);
            let search = ui.add(theme::beside_buttons(search));
            let named = format!("Search {}", view.title());
            search.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, &named));
            if fresh {
                search.request_focus();
            }
            self.lookup.open(view, &text);
            if search.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
                chosen = self.first_offer().map(Some);
            }
            if optional
                && text.is_empty()
                && ui.selectable_label(current.is_none(), "(none)").clicked()
            {
                chosen = Some(None);
            }
            if let Some(id) = self.offers(ui, current) {
                chosen = Some(Some(id));
            }
            if chosen.is_some() {
                ui.close();
            }
        });
        if chosen.is_some() {
            self.lookup.close();
        }
        chosen
    }

    /// What Enter takes: the first of what was found for the text as it stands.
    fn first_offer(&self) -> Option<i64> {
        let is_current = !self.lookup.found.is_loading() && !self.lookup.text.is_empty();
        let found = self.lookup.found.value().filter(|_| is_current)?;
        found.first().map(|(id, _)| *id)
    }

    fn offers(&self, ui: &mut Ui, current: Option<i64>) -> Option<i64> {
        let mut chosen = None;
        match (self.lookup.found.value(), self.lookup.found.error()) {
            (_, Some(error)) => super::fault(ui, &error.to_string()),
            (Some(found), None) if found.is_empty() => {
                super::weak(ui, "Nothing found");
            }
            (Some(found), None) => {
                egui::ScrollArea::vertical()
                    .max_height(theme::PICKER_HEIGHT)
                    .min_scrolled_height(theme::PICKER_HEIGHT)
                    .show(ui, |ui| {
                        for (id, name) in found {
                            let size = Vec2::new(ui.available_width(), theme::MIN_TARGET);
                            let entry =
                                egui::Button::selectable(current == Some(*id), name).min_size(size);
                            if ui.add(entry).clicked() {
                                chosen = Some(*id);
                            }
                        }
                    });
            }
            (None, None) => {
                ui.set_min_height(theme::PICKER_HEIGHT);
                super::weak(ui, "Searching …");
            }
        }
        chosen
    }
}
