//! The views, one file each, and their export to files.

pub mod comparison;
pub mod confusion;
pub mod curves;
pub mod embedding;
pub mod importance;
pub mod importing;
pub mod inspector;
pub mod intensities;
pub mod messages;
pub mod missing;
pub mod modalities;
mod outputs;
mod palette;
mod recording;
#[cfg(not(target_arch = "wasm32"))]
pub mod runs;
pub mod slices;
pub mod sources;
mod timeline;
pub mod training;
pub mod utterances;

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Label, Spinner, TextStyle, Ui};
use mct_engine::evaluation::CorpusCard;
use mct_scores::{Metric, Scores};
use serde::{Deserialize, Serialize};

use crate::state::Workspace;
use crate::state::models::{Models, OpenModel};
pub(crate) use recording::duration_secs;

/// A view with a tab in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pane {
    Confusion,
    Curves,
    Embedding,
    Utterances,
    Inspector,
    Training,
    Comparison,
    Intensities,
    Modalities,
    Slices,
    /// Run folders, which a page has none of.
    #[cfg(not(target_arch = "wasm32"))]
    Runs,
}

impl Pane {
    pub const ALL: &[Self] = &[
        Self::Confusion,
        Self::Curves,
        Self::Embedding,
        Self::Utterances,
        Self::Inspector,
        Self::Training,
        Self::Comparison,
        Self::Intensities,
        Self::Modalities,
        Self::Slices,
        #[cfg(not(target_arch = "wasm32"))]
        Self::Runs,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Confusion => "Confusion matrix",
            Self::Curves => "Curves",
            Self::Embedding => "Embedding",
            Self::Utterances => "Utterances",
            Self::Inspector => "Inspector",
            Self::Training => "Training",
            Self::Comparison => "Comparison",
            Self::Intensities => "Intensities",
            Self::Modalities => "Modalities",
            Self::Slices => "Slices",
            #[cfg(not(target_arch = "wasm32"))]
            Self::Runs => "Runs",
        }
    }

    /// The name in file names and in the state object.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Confusion => "confusion",
            Self::Curves => "curves",
            Self::Embedding => "embedding",
            Self::Utterances => "utterances",
            Self::Inspector => "utterance",
            Self::Training => "training",
            Self::Comparison => "comparison",
            Self::Intensities => "intensities",
            Self::Modalities => "modalities",
            Self::Slices => "slices",
            #[cfg(not(target_arch = "wasm32"))]
            Self::Runs => "runs",
        }
    }
}

/// The file formats of exported views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Svg,
    Csv,
    Json,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Svg, Self::Csv, Self::Json];

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Svg => "Picture (SVG)",
            Self::Csv => "Table (CSV)",
            Self::Json => "Data (JSON)",
        }
    }
}

/// The state of the panels that is not shared.
#[derive(Default)]
pub struct Panels {
    pub confusion: confusion::Panel,
    pub curves: curves::Panel,
    pub embedding: embedding::Panel,
    pub utterances: utterances::Panel,
    pub inspector: inspector::Panel,
    pub training: training::Panel,
    pub comparison: comparison::Panel,
    pub intensities: intensities::Panel,
    pub modalities: modalities::Panel,
    pub slices: slices::Panel,
    #[cfg(not(target_arch = "wasm32"))]
    pub runs: runs::Panel,
}

impl Panels {
    /// Draws a panel.
    pub fn ui(&mut self, ui: &mut Ui, pane: Pane, workspace: &mut Workspace) {
        match pane {
            Pane::Confusion => self.confusion.ui(ui, workspace),
            Pane::Curves => self.curves.ui(ui, workspace),
            Pane::Embedding => self.embedding.ui(ui, workspace),
            Pane::Utterances => self.utterances.ui(ui, workspace),
            Pane::Inspector => self.inspector.ui(ui, workspace),
            Pane::Training => self.training.ui(ui, workspace),
            Pane::Comparison => self.comparison.ui(ui, workspace),
            Pane::Intensities => self.intensities.ui(ui, workspace),
            Pane::Modalities => self.modalities.ui(ui, workspace),
            Pane::Slices => self.slices.ui(ui, workspace),
            #[cfg(not(target_arch = "wasm32"))]
            Pane::Runs => self.runs.ui(ui, workspace),
        }
    }

    /// The content of the exported file; `None` where the view has nothing to export in this format.
    pub fn export(&self, pane: Pane, format: Format, workspace: &Workspace) -> Option<String> {
        match pane {
            Pane::Confusion => confusion::export(format, workspace),
            Pane::Curves => self.curves.export(format, workspace),
            Pane::Embedding => embedding::export(format, workspace),
            Pane::Utterances => self.utterances.export(format, workspace),
            Pane::Inspector => inspector::export(format, workspace),
            Pane::Training => training::export(format, workspace),
            Pane::Comparison => comparison::export(format, workspace),
            Pane::Intensities => intensities::export(format, workspace),
            Pane::Modalities => self.modalities.export(format, workspace),
            Pane::Slices => slices::export(format, workspace),
            #[cfg(not(target_arch = "wasm32"))]
            Pane::Runs => self.runs.export(format, workspace),
        }
    }
}

/// A line of a CSV file (RFC 4180).
pub(crate) fn csv_line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        let cell = mct_corpus::formula::defused(cell);
        if cell.contains([',', '"', '\n', '\r', '\t']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.into_owned()
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

/// A CSV file.
pub(crate) fn csv(header: &[String], rows: &[Vec<String>]) -> String {
    let lines = rows.iter().map(|row| csv_line(row));
    std::iter::once(csv_line(header)).chain(lines).collect()
}

/// A CSV file whose rows end with what they hold for: model, side and conditions.
pub(crate) fn csv_of(
    workspace: &Workspace,
    mut header: Vec<String>,
    mut rows: Vec<Vec<String>>,
) -> String {
    if let Some((open, held)) = workspace.shown_held() {
        header.extend(["model", "fold", "side", "conditions"].map(str::to_owned));
        let conditions = workspace.missing.describe(&held.conditions);
        let fold = fold_name(open);
        let cells = [&open.card.name, fold, held.side.title(), &conditions].map(str::to_owned);
        for row in &mut rows {
            row.extend(cells.iter().cloned());
        }
    }
    csv(&header, &rows)
}

/// So many of these, in words.
pub(crate) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// Why no model can be looked at, where none can.
pub(crate) fn lacks_model(models: &Models) -> Option<&str> {
    match models.shown() {
        None => Some("no model is open: open a run or a checkpoint, or train one (Training)"),
        Some(open) => open.card.fold.as_ref().err().map(String::as_str),
    }
}

/// What the fold of a model holds out; empty where it has none of this corpus.
pub(crate) fn fold_name(open: &OpenModel) -> &str {
    open.card
        .fold
        .as_ref()
        .map_or("", |fold| fold.name.as_str())
}

/// What an answer holds for, and a sign where a newer one is on its way.
pub(crate) fn held_line(ui: &mut Ui, (text, is_current): &(String, bool), further: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.weak(format!("{text}{further}"));
        if !is_current {
            ui.add(Spinner::new().size(12.0));
            ui.colored_label(
                ui.visuals().warn_fg_color,
                "older than what is chosen, computing…",
            );
        }
    });
}

/// JSON for a file that begins with what it holds for: corpus, model, side and conditions.
pub(crate) fn json_of(workspace: &Workspace, value: serde_json::Value) -> Option<String> {
    let mut all = workspace.shown_holds()?;
    if let (Some(all), serde_json::Value::Object(value)) = (all.as_object_mut(), value) {
        all.extend(value);
    }
    json(&all)
}

/// JSON for a file.
pub(crate) fn json(value: &serde_json::Value) -> Option<String> {
    serde_json::to_string_pretty(value)
        .ok()
        .map(|text| text + "\n")
}

/// A score as the views show it: a share in percent.
pub(crate) fn shown(metric: Metric, value: f64) -> String {
    if metric.is_share() {
        percent(value)
    } else {
        format!("{value:.3}")
    }
}

/// Scores side by side, each with its name on the same line.
pub(crate) fn score_row(ui: &mut Ui, scores: &Scores) {
    for (metric, value) in scores.iter() {
        // One label: of two the second would not come to the next line with the first.
        let mut text = LayoutJob::default();
        let font = TextStyle::Body.resolve(ui.style());
        for (part, ink) in [
            (format!("{} ", metric.title()), ui.visuals().text_color()),
            (shown(metric, value), ui.visuals().strong_text_color()),
        ] {
            text.append(&part, 0.0, TextFormat::simple(font.clone(), ink));
        }
        text.wrap.max_rows = 1;
        ui.add(Label::new(text).extend())
            .on_hover_text(metric.meaning());
    }
}

/// Chooses the target of several that the views show.
pub(crate) fn target_choice(ui: &mut Ui, card: &CorpusCard, models: &mut Models) {
    let Some(targets) = models.shown().map(|open| &open.card.interface.targets) else {
        return;
    };
    if targets.len() < 2 {
        return;
    }
    let mut chosen = models.target().min(targets.len() - 1);
    let before = chosen;
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    ui.horizontal_wrapped(|ui| {
        for (index, name) in names.iter().enumerate() {
            ui.selectable_value(&mut chosen, index, name)
                .on_hover_text("Show this target in all views");
        }
    });
    if chosen != before {
        models.set_target(chosen, card);
    }
}

/// A fraction in percent, as the views show it.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let cells = ["plain", "a, b", "say \"hi\""].map(str::to_owned);
        let odd = ["=1+1", "-0.5", "a\tb"].map(str::to_owned);
        assert_eq!(csv_line(&odd), "'=1+1,-0.5,\"a\tb\"\n");
        assert_eq!(csv_line(&cells), "plain,\"a, b\",\"say \"\"hi\"\"\"\n");
    }
}
