//! The recording behind an utterance: played, and drawn on the time axis of the inspector as a waveform,
//! pictures and words, with the missing steps over them.

use std::collections::BTreeMap;

use eframe::egui::{
    self, Align2, Color32, ColorImage, Key, Pos2, Rect, Response, RichText, Sense, Stroke,
    StrokeKind, TextEdit, TextStyle, TextureHandle, TextureOptions, Ui, pos2, vec2,
};
use mct_engine::extraction::{FRAMES_HZ, Media, Medium};

use super::timeline::{Lane, View, lane, veil};
use crate::state::Workspace;
use crate::state::command::Command;
use crate::state::notices::Kind;
use crate::theme;

/// Height of a lane, in points.
const HEIGHT: f32 = 44.0;

/// An extraction and one of its utterances.
type Shown = (u64, usize);

#[derive(Default)]
pub struct Panel {
    /// The least and largest sample under each column of the lane.
    envelope: Option<(Shown, usize, Vec<[f32; 2]>)>,
    /// Those that have been seen, by their places.
    pictures: Option<(Shown, BTreeMap<usize, TextureHandle>)>,
    /// The transcript as it is being typed.
    typed: Option<(Shown, String)>,
    /// The lanes of this frame.
    drawn: Vec<(&'static str, Response)>,
    /// The moment that was pressed on, in seconds.
    wanted: Option<f32>,
}

/// The steps of a modality in a lane: which are missing, and the share of the lane that they take.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a> {
    pub missing: &'a [bool],
    pub end: f32,
    /// Steps that the corpus has: the model may read fewer.
    pub stored: usize,
}

impl Panel {
    /// Buttons to play with, the picture at the position, the transcript, and why anything is missing.
    pub fn head(&mut self, ui: &mut Ui, workspace: &mut Workspace, utterance: usize) {
        let Some(opened) = &workspace.recordings.opened else {
            return;
        };
        let Some(media) = opened.media.get(utterance) else {
            return;
        };
        let key = (opened.version, utterance);
        let missing = opened.missing.get(utterance).cloned().unwrap_or_default();
        let has_sound = !media.samples.is_empty();
        let position = workspace.recordings.player.position();
        let shown = self.picture_at(ui, media, key, position);
        ui.horizontal(|ui| {
            if let Some((face, texture)) = shown {
                let (rect, _) = ui.allocate_exact_size(texture.size_vec2(), Sense::hover());
                picture(ui, &texture, rect, face);
            }
            ui.vertical(|ui| {
                if has_sound {
                    player(ui, workspace, utterance);
                }
                self.transcript(ui, workspace, utterance, key);
                for (modality, cause) in &missing {
                    let text = format!("{modality} is missing: {cause}");
                    ui.label(RichText::new(text).color(ui.visuals().warn_fg_color));
                }
            });
        });
    }

    fn transcript(&mut self, ui: &mut Ui, workspace: &mut Workspace, utterance: usize, key: Shown) {
        let reads = (workspace.recordings.opened.as_ref())
            .is_some_and(|opened| opened.modality(Medium::Words).is_some());
        let Some(card) = workspace.corpus.as_ref().filter(|_| reads) else {
            return;
        };
        let said = &card.utterances[utterance];
        let known = said.transcript.clone().unwrap_or_default();
        let busy = workspace.recordings.extracting.is_some();
        if self.typed.as_ref().is_none_or(|(typed, _)| *typed != key) {
            self.typed = Some((key, known.clone()));
        }
        let Some((_, typed)) = &mut self.typed else {
            return;
        };
        let mut is_done = false;
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 70.0).clamp(60.0, 420.0);
            let field = TextEdit::singleline(typed)
                .hint_text("what is said")
                .desired_width(width);
            let field = ui.add(field);
            workspace.controls.note("transcript", &field);
            is_done = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if *typed != known {
                let apply = ui.add_enabled(!busy, egui::Button::new("Apply"));
                is_done |= apply
                    .on_hover_text("Extract the features of these words (Enter)")
                    .clicked();
            }
        });
        if is_done && !busy && *typed != known {
            workspace.command(Command::Transcribe(utterance, typed.clone()));
        }
    }

    /// Draws a medium of an utterance, of words those of this modality, as a lane; a click goes to that moment.
    pub fn lane(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        (utterance, medium, words): (usize, Medium, usize),
        steps: Option<Steps>,
        view: View,
    ) {
        let Some(opened) = &workspace.recordings.opened else {
            return;
        };
        let Some(media) = opened.media.get(utterance) else {
            return;
        };
        let key = (opened.version, utterance);
        let name = match medium {
            Medium::Sound if !media.samples.is_empty() => "sound",
            Medium::Pictures if !media.pictures.is_empty() => "pictures",
            Medium::Words if media.words.get(words).is_some_and(|own| !own.is_empty()) => "words",
            _ => return,
        };
        let height = match medium {
            Medium::Words => 20.0,
            _ => HEIGHT,
        };
        let end = steps.map_or(1.0, |steps| steps.end);
        let Lane {
            visible,
            whole: rect,
            area,
        } = lane(ui, height, end, name, view);
        let id = ui.scope_id().with(("recording", name, words));
        let response = ui.interact(visible, id, Sense::click_and_drag());
        response.widget_info(|| {
            let text = format!("{name} of the recording");
            egui::WidgetInfo::labeled(egui::Role::Image, true, text)
        });
        ui.scope(|ui| {
            ui.shrink_clip_rect(visible);
            ui.painter()
                .rect_filled(rect, 0.0, ui.visuals().extreme_bg_color);
            match medium {
                Medium::Sound => self.waveform(ui, media, key, rect),
                Medium::Pictures => self.filmstrip(ui, media, key, rect),
                Medium::Words => {
                    let all = &media.words[words];
                    // Of stacked steps each is of several words.
                    let of = |steps: &Steps| {
                        steps.missing.len() * all.len().div_ceil(steps.stored.max(1))
                    };
                    let read = steps.as_ref().filter(|steps| steps.stored > 0);
                    let count = read.map_or(all.len(), of).min(all.len());
                    spoken(ui, &all[..count], area);
                }
            }
            if let Some(steps) = steps {
                veil(ui, area, steps.missing);
            }
        });
        let duration = duration_secs(media);
        if let Some(pointer) = response.interact_pointer_pos()
            && (response.clicked() || response.dragged())
        {
            let share = (pointer.x - rect.left()) / rect.width().max(1.0);
            self.wanted = Some(share.clamp(0.0, 1.0) * duration);
        }
        self.drawn.push((name, response));
    }

    /// Goes to the moment that was pressed on.
    pub fn apply(&mut self, workspace: &mut Workspace, utterance: usize) {
        for (name, response) in self.drawn.drain(..) {
            workspace.controls.note(name, &response);
        }
        if let Some(secs) = self.wanted.take()
            && workspace.recordings.player.seek(secs)
        {
            play(workspace, utterance);
        }
    }

    fn waveform(&mut self, ui: &Ui, media: &Media, key: Shown, rect: Rect) {
        let columns = (rect.width() as usize).clamp(1, 4000);
        let is_drawn = (self.envelope.as_ref())
            .is_some_and(|(drawn, count, _)| *drawn == key && *count == columns);
        if !is_drawn {
            self.envelope = Some((key, columns, envelope(&media.samples, columns)));
        }
        let Some((_, _, envelope)) = &self.envelope else {
            return;
        };
        let loudest = envelope
            .iter()
            .flatten()
            .fold(1e-4f32, |m, v| m.max(v.abs()));
        let ink = theme::RIGHT;
        let scale = rect.height() / 2.0 / loudest;
        for (column, [low, high]) in envelope.iter().enumerate() {
            let x = rect.left() + column as f32 + 0.5;
            let middle = rect.center().y;
            let line =
                (middle - high * scale)..=(middle - low * scale).max(middle - high * scale + 1.0);
            ui.painter().vline(x, line, Stroke::new(1.0, ink));
        }
    }

    fn filmstrip(&mut self, ui: &Ui, media: &Media, key: Shown, rect: Rect) {
        let first = &media.pictures[0];
        let width = rect.height() * first.width as f32 / first.height.max(1) as f32;
        let count = ((rect.width() / width.max(4.0)).floor() as usize).max(1);
        let slot = rect.width() / count as f32;
        let duration = duration_secs(media);
        for index in 0..count {
            let secs = (index as f32 + 0.5) / count as f32 * duration;
            let Some(texture) = self.texture(ui, media, key, (secs * FRAMES_HZ) as usize) else {
                continue;
            };
            let left = rect.left() + index as f32 * slot + (slot - width) / 2.0;
            let own = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
            picture(ui, texture, own.intersect(rect), None);
        }
    }

    /// The picture at a moment, and where the face is in it.
    fn picture_at(
        &mut self,
        ui: &Ui,
        media: &Media,
        key: Shown,
        secs: f32,
    ) -> Option<(Option<[f32; 4]>, TextureHandle)> {
        let last = media.pictures.len().checked_sub(1)?;
        let at = ((secs * FRAMES_HZ) as usize).min(last);
        let texture = self.texture(ui, media, key, at)?.clone();
        Some((media.pictures[at].face, texture))
    }

    /// A picture as a texture, made when it is first seen: a long video has thousands.
    fn texture(&mut self, ui: &Ui, media: &Media, key: Shown, at: usize) -> Option<&TextureHandle> {
        let thumbnail = media.pictures.get(at)?;
        if self.pictures.as_ref().is_none_or(|(seen, _)| *seen != key) {
            self.pictures = Some((key, BTreeMap::new()));
        }
        let (_, textures) = self.pictures.as_mut()?;
        let load = || {
            let size = [thumbnail.width, thumbnail.height];
            let image = ColorImage::from_rgb(size, &thumbnail.rgb);
            ui.ctx()
                .load_texture("picture", image, TextureOptions::LINEAR)
        };
        Some(textures.entry(at).or_insert_with(load))
    }
}

/// A line at the position of the sound, across the lanes.
pub fn cursor(ui: &Ui, workspace: &Workspace, utterance: usize, lanes: Rect, view: View) {
    let Some(media) = workspace.recordings.media(utterance) else {
        return;
    };
    let duration = duration_secs(media);
    if duration <= 0.0 {
        return;
    }
    let share = (workspace.recordings.player.position() / duration).clamp(0.0, 1.0);
    let whole = view.whole(lanes);
    let x = whole.left() + share * whole.width();
    let stroke = Stroke::new(1.5, theme::WRONG);
    ui.painter()
        .with_clip_rect(lanes.intersect(ui.clip_rect()))
        .vline(x, lanes.y_range(), stroke);
}

/// A button to play with, and where the sound is.
fn player(ui: &mut Ui, workspace: &mut Workspace, utterance: usize) {
    let player = &workspace.recordings.player;
    let (is_playing, position) = (player.is_playing(), player.position());
    let duration = workspace
        .recordings
        .media(utterance)
        .map_or(0.0, duration_secs);
    let mut toggle = false;
    ui.horizontal(|ui| {
        let text = if is_playing { "Pause" } else { "Play" };
        let button = ui.button(text).on_hover_text("Space");
        workspace.controls.note("play", &button);
        toggle = button.clicked();
        ui.label(format!("{position:.2} / {duration:.2} s"));
    });
    // Where nothing else has the keyboard.
    let context = ui.ctx();
    let is_free = context.memory(|memory| memory.focused().is_none());
    toggle |= is_free && context.input(|input| input.key_pressed(Key::Space));
    if toggle {
        match is_playing {
            true => workspace.recordings.player.pause(),
            false => play(workspace, utterance),
        }
    }
}

/// Plays the recording from the position on.
fn play(workspace: &mut Workspace, utterance: usize) {
    let recordings = &mut workspace.recordings;
    let Some(opened) = &recordings.opened else {
        return;
    };
    let Some(media) = opened.media.get(utterance) else {
        return;
    };
    recordings.heard = Some(utterance);
    if let Err(text) = recordings.player.play(&media.samples, media.rate_hz) {
        workspace.notices.add(Kind::Error, text);
    }
}

/// Seconds of a recording: of its sound, else of its pictures.
pub fn duration_secs(media: &Media) -> f32 {
    match media.samples.len() {
        0 => media.pictures.len() as f32 / FRAMES_HZ,
        count => count as f32 / media.rate_hz.max(1) as f32,
    }
}

fn envelope(samples: &[f32], columns: usize) -> Vec<[f32; 2]> {
    let bounds = |column: usize| column * samples.len() / columns;
    let of = |column: usize| {
        let (from, to) = (bounds(column), bounds(column + 1));
        let part = &samples[from..to.max(from + 1).min(samples.len())];
        part.iter().fold([0.0f32; 2], |[low, high], value| {
            [low.min(*value), high.max(*value)]
        })
    };
    (0..columns).map(of).collect()
}

/// A picture with the face that was found in it.
fn picture(ui: &Ui, texture: &TextureHandle, rect: Rect, face: Option<[f32; 4]>) {
    let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    ui.painter().image(texture.id(), rect, uv, Color32::WHITE);
    if let Some([left, top, right, bottom]) = face {
        let at = |x: f32, y: f32| rect.min + vec2(x * rect.width(), y * rect.height());
        let own = Rect::from_min_max(at(left, top), at(right, bottom));
        let stroke = Stroke::new(1.5, theme::WRONG);
        ui.painter()
            .rect_stroke(own, 2.0, stroke, StrokeKind::Inside);
    }
}

/// Words under their steps; one that does not fit is left out.
fn spoken(ui: &Ui, words: &[String], area: Rect) {
    let width = area.width() / words.len().max(1) as f32;
    let font = TextStyle::Small.resolve(ui.style());
    let ink = ui.visuals().text_color();
    let mut free = area.left();
    for (step, word) in words.iter().enumerate() {
        let left = area.left() + step as f32 * width;
        let stroke = Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.4));
        ui.painter().vline(left, area.y_range(), stroke);
        if left < free {
            continue;
        }
        let at = pos2(left + 2.0, area.center().y);
        let painter = ui.painter().with_clip_rect(area);
        let drawn = painter.text(at, Align2::LEFT_CENTER, word, font.clone(), ink);
        free = drawn.right();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_every_peak() {
        let mut samples = vec![0.0; 1000];
        samples[501] = 0.9;
        samples[999] = -0.7;
        let all = envelope(&samples, 10);
        assert_eq!(all[5], [0.0, 0.9]);
        assert_eq!(all[9], [-0.7, 0.0]);
        // More columns than samples.
        assert_eq!(envelope(&[0.5, -0.5], 4).len(), 4);
    }
}
