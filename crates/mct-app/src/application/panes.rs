//! The panes of the window, as the tiles draw them.

use eframe::egui::{self, Ui};
use egui_tiles::{Behavior, TileId, Tiles, UiResponse};

use crate::layout::Room;
use crate::panels::{Format, Pane, Panels};
use crate::state::Workspace;
use crate::state::command::{Command, File};

/// Draws the panes of the tree of tiles.
pub struct Panes<'a> {
    panels: &'a mut Panels,
    workspace: &'a mut Workspace,
    /// Whether panes can be dragged to other places: not where there is room for one.
    can_move: bool,
    /// The pane in which another utterance was chosen in this frame.
    pub chosen_in: Option<Pane>,
    /// The tabs that are drawn.
    bar: Option<Bar>,
}

impl<'a> Panes<'a> {
    pub fn new(panels: &'a mut Panels, workspace: &'a mut Workspace, room: Room) -> Self {
        Self {
            panels,
            workspace,
            can_move: room == Room::Wide,
            chosen_in: None,
            bar: None,
        }
    }
}

impl Behavior<Pane> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        let before = self.workspace.selection.focus();
        egui::Frame::NONE.inner_margin(6.0).show(ui, |ui| {
            self.panels.ui(ui, *pane, self.workspace);
        });
        let focus = self.workspace.selection.focus();
        if focus.is_some() && focus != before {
            self.chosen_in = Some(*pane);
        }
        UiResponse::None
    }

    fn is_tile_draggable(&self, _tiles: &Tiles<Pane>, _tile: TileId) -> bool {
        self.can_move
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<Pane>,
        ui: &mut Ui,
        tile: TileId,
        tabs: &egui_tiles::Tabs,
        scroll: &mut f32,
    ) {
        // The two trees of panes number their tiles alike.
        let id = egui::Id::unique("front").with((tile, self.can_move));
        *scroll += Front::take(ui.ctx(), id);
        self.bar = Some(Bar {
            id,
            width: ui.max_rect().width(),
            front: tabs.active,
        });
        let Some(pane) = tabs.active.and_then(|active| tiles.get_pane(&active)) else {
            return;
        };
        let menu = ui.menu_button("Save…", |ui| {
            for format in Format::ALL {
                let content = self.panels.export(*pane, format, self.workspace);
                let name = format!("{}.{}", pane.slug(), format.extension());
                let button = ui.add_enabled(content.is_some(), egui::Button::new(format.title()));
                if button.clicked()
                    && let Some(content) = content
                {
                    self.workspace.command(Command::Save(File {
                        name,
                        bytes: content.into_bytes(),
                    }));
                }
            }
        });
        let hint = format!("Save the {} as a file", pane.title().to_lowercase());
        self.workspace
            .controls
            .note(format!("save {}", pane.slug()), &menu.response);
        menu.response.on_hover_text(hint);
    }

    fn on_tab_button(
        &mut self,
        tiles: &mut Tiles<Pane>,
        tile: TileId,
        button: egui::Response,
    ) -> egui::Response {
        if let Some(pane) = tiles.get_pane(&tile) {
            let name = format!("tab {}", pane.slug());
            self.workspace.controls.note_seen(name, &button);
        }
        if let Some(bar) = self.bar
            && bar.front == Some(tile)
        {
            Front::note(bar, tile, &button);
        }
        button
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..Default::default()
        }
    }
}

/// The tab in front of others, where not all of them fit.
#[derive(Clone, Copy)]
struct Front {
    tile: TileId,
    /// Of the bar of tabs, in points.
    width: f32,
    /// For so many frames it is brought into sight: the arrows beside the tabs come and go meanwhile. After them the
    /// tabs are scrolled as one likes.
    frames: u8,
    /// Points that it is beyond the right edge, or the left where negative.
    beyond: f32,
}

/// A bar of tabs.
#[derive(Clone, Copy)]
struct Bar {
    id: egui::Id,
    width: f32,
    /// The tab in front.
    front: Option<TileId>,
}

impl Front {
    const FRAMES: u8 = 4;

    /// Notes where the tab in front is drawn.
    fn note(bar: Bar, tile: TileId, button: &egui::Response) {
        let before = button.ctx.data(|data| data.get_temp::<Self>(bar.id));
        let is_same = |own: &Self| own.tile == tile && own.width == bar.width;
        let frames = before
            .filter(is_same)
            .map_or(Self::FRAMES, |own| own.frames);
        let Some(frames) = frames.checked_sub(1) else {
            return;
        };
        let (all, seen) = (button.rect, button.interact_rect);
        let beyond = match all.right() - seen.right() {
            right if right > 0.0 => right,
            _ => all.left() - seen.left(),
        };
        let own = Self {
            tile,
            width: bar.width,
            frames,
            beyond,
        };
        button.ctx.data_mut(|data| data.insert_temp(bar.id, own));
        button.ctx.request_repaint();
    }

    /// What the tabs are to be scrolled by, once.
    fn take(context: &egui::Context, bar: egui::Id) -> f32 {
        context.data_mut(|data| {
            let Some(own) = data.get_temp::<Self>(bar) else {
                return 0.0;
            };
            data.insert_temp(bar, Self { beyond: 0.0, ..own });
            own.beyond
        })
    }
}
