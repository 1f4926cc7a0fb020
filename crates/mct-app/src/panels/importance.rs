//! How much each step counts for a prediction: how far it falls when the step is left out (occlusion).

use eframe::egui::{Rect, Sense, Ui, pos2};
use mct_engine::evaluation::{LeftOut, ModalityCard};

use super::timeline::{Lane, View, lane};
use crate::state::{Seen, Workspace};
use crate::theme;

/// Height of its lane, in points.
const HEIGHT: f32 = 18.0;

/// The importance of the steps of an utterance for one output of a model.
pub struct Importance<'a> {
    windows: &'a [LeftOut],
    /// Index of the class, or of the target.
    output: usize,
    /// The output in words.
    name: String,
    /// The output with all steps that are not missing.
    before: f32,
}

impl<'a> Importance<'a> {
    /// For the predicted class or the chosen target; `None` while it is computed.
    pub fn of(workspace: &'a Workspace, seen: &Seen) -> Option<Self> {
        let weighed = workspace.inspector.left_out.as_ref()?;
        // Both of the same missing steps, which are those of now.
        if !workspace.inspector.is_current
            || (weighed.model, weighed.utterance) != (seen.model, seen.utterance)
            || workspace.masks(seen.utterance).as_ref() != Some(&weighed.masks)
        {
            return None;
        }
        let interface = &workspace.models.get(seen.model)?.card.interface;
        let outputs = &seen.inspection.incomplete;
        let (output, name) = if interface.targets.is_empty() {
            let class = mct_scores::most_probable(outputs);
            let name = interface.classes.get(class)?;
            (class, format!("the probability of {name}"))
        } else {
            let target = workspace.models.target().min(interface.targets.len() - 1);
            (target, interface.targets[target].name.clone())
        };
        Some(Self {
            windows: &weighed.windows,
            output,
            name,
            before: *outputs.get(output)?,
        })
    }

    /// What is predicted without each window.
    pub fn windows(&self) -> &[LeftOut] {
        self.windows
    }

    /// How far the output falls without the steps of a window.
    fn fall(&self, window: &LeftOut) -> f32 {
        self.before - window.outputs.get(self.output).copied().unwrap_or(0.0)
    }

    /// The largest change.
    fn largest(&self) -> f32 {
        let falls = self.windows.iter().map(|own| self.fall(own).abs());
        falls.fold(0.0, f32::max)
    }

    /// What the bars are of.
    pub fn text(&self) -> String {
        format!(
            "importance for {} ({:.2}): up where it falls without the steps, down where it rises, by {:.3} at most",
            self.name,
            self.before,
            self.largest()
        )
    }

    /// The importance of a step of a modality; `None` where it is missing.
    pub fn at(&self, modality: usize, step: usize) -> Option<f32> {
        let mut windows = self.windows.iter();
        let window =
            windows.find(|own| own.modality == modality && (own.from..own.to).contains(&step));
        window.map(|window| self.fall(window))
    }

    /// Draws those of a modality as bars: upwards where the output falls.
    pub fn draw(
        &self,
        ui: &mut Ui,
        m: usize,
        modality: &ModalityCard,
        steps: usize,
        end: f32,
        view: View,
    ) {
        let Lane { visible, area, .. } = lane(ui, HEIGHT, end, "importance", view);
        let id = ui.scope_id().with(("importance", m));
        let response = ui.interact(visible, id, Sense::hover());
        let painter = ui
            .painter()
            .with_clip_rect(visible.intersect(ui.clip_rect()));
        painter.rect_filled(visible, 0.0, ui.visuals().extreme_bg_color);
        let largest = self.largest().max(1e-9);
        let at = |step: usize| area.left() + area.width() * step as f32 / steps as f32;
        let middle = area.center().y;
        let pointer = response.hover_pos();
        let mut pointed = None;
        let own = self
            .windows
            .iter()
            .filter(|own| own.modality == m && own.from < steps);
        for window in own {
            let share = self.fall(window) / largest;
            let (left, right) = (at(window.from), at(window.to.min(steps)));
            let top = middle - share * area.height() / 2.0;
            let bar = Rect::from_two_pos(pos2(left, middle), pos2(right, top));
            let colour = if share > 0.0 {
                theme::RIGHT
            } else {
                theme::WRONG
            };
            painter.rect_filled(bar, 0.0, colour);
            if pointer.is_some_and(|pointer| (left..right).contains(&pointer.x)) {
                pointed = Some(window);
            }
        }
        if let Some(window) = pointed {
            let steps = match window.to - window.from {
                1 => format!("step {}", window.from),
                _ => format!("steps {} to {}", window.from, window.to - 1),
            };
            let after = self.before - self.fall(window);
            response.on_hover_text_at_pointer(format!(
                "without {steps} of {}: {} is {after:.3} instead of {:.3}",
                modality.name, self.name, self.before
            ));
        }
    }
}
