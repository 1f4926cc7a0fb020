//! A summary of the application's state, for tests and for pages that embed it.

use mct_engine::evaluation::Side;
use mct_scores::Metric;
use serde_json::{Value, json};

use crate::state::Workspace;
use crate::state::models::OpenModel;
use crate::state::notices::Kind;
use crate::state::training::Phase;

/// How many steps have their losses in the state object.
const LOSSES: usize = 100;

/// The state object that `window.mctHfr.state()` returns; `web/README.md` describes it.
pub fn summary(workspace: &Workspace) -> Value {
    let corpus = workspace.corpus.as_ref().map(|card| {
        json!({
            "title": card.metadata.title,
            "synthetic": card.metadata.synthetic,
            "utterances": card.utterances.len(),
            "classes": card.metadata.classes,
            "targets": card.metadata.targets.iter().map(|t| &t.name).collect::<Vec<_>>(),
            "modalities": card.modalities.iter().map(|m| &m.name).collect::<Vec<_>>(),
            "notes": card.notes,
        })
    });
    let training = &workspace.training;
    let controls = workspace.controls.iter().map(|(name, rect)| {
        let (min, size) = (rect.min, rect.size());
        (name.to_owned(), json!([min.x, min.y, size.x, size.y]))
    });
    let notices = workspace.notices.all().iter().map(|notice| {
        let kind = match notice.kind {
            Kind::Done => "done",
            Kind::Warning => "warning",
            Kind::Error => "error",
        };
        json!({"kind": kind, "text": notice.text, "number": notice.number})
    });
    let dead = workspace.notices.dead().iter();
    json!({
        "device": workspace.device.as_ref().map(|card| json!({
            "name": card.name,
            "description": card.description,
            "warning": card.warning,
        })),
        "corpus": corpus,
        "missing": {
            "rate": workspace.missing.rate,
            "rates": workspace.missing.conditions().missing.rates,
            "modalities": workspace.missing.modalities.iter().map(|modality| json!({
                "name": modality.name,
                "there": !modality.off,
            })).collect::<Vec<_>>(),
        },
        "sides": Side::EVERY.map(Side::title),
        "side": workspace.side.title(),
        "conditions": workspace.conditions(),
        // What a press brings with it, such as a view, is one step with it.
        "settled": workspace.settled.as_ref().filter(|_| !workspace.has_commands()),
        "shown": workspace.models.shown().map(|open| model(workspace, open)),
        "compared": workspace.models.compared().map(|open| model(workspace, open)),
        "shown_index": workspace.models.iter().position(|open| Some(open.card.id) == workspace.models.shown),
        "models": workspace.models.iter().map(|open| &open.card.name).collect::<Vec<_>>(),
        "importing": workspace.importing.front().map(|own| json!({
            "file": own.features.file.name(),
            "problem": own.problem,
        })),
        "recording": workspace.focus().and_then(|index| workspace.recordings.media(index)).map(|media| json!({
            "samples": media.samples.len(),
            "pictures": media.pictures.len(),
            "faces": media.pictures.iter().filter(|picture| picture.face.is_some()).count(),
            "words": media.words,
            "position": workspace.recordings.player.position(),
            "playing": workspace.recordings.player.is_playing(),
        })),
        "extracting": workspace.recordings.extracting.is_some(),
        "combinations": workspace.inspector.combined.as_ref().map(|(_, _, all)| all.iter().map(|one| json!({
            "present": one.present,
            "outputs": one.outputs,
        })).collect::<Vec<_>>()),
        "limit": workspace.limit,
        "selected": workspace.selection.len(),
        "embedding": {
            "points": workspace.projection.coordinates.len(),
            "steps": workspace.projection.progress.map(|progress| progress.steps),
            "divergence": workspace.projection.progress.map(|progress| progress.divergence),
        },
        "training": {
            "phase": phase(training.phase),
            "epoch": training.epoch,
            "step": training.step,
            "steps_an_epoch": training.steps_per_epoch,
            // The newest: a page asks every second.
            "losses": training.steps.iter().rev().take(LOSSES).rev().map(|(step, terms)| json!({
                "step": step,
                "terms": terms,
            })).collect::<Vec<_>>(),
            "epochs": training.history.len(),
            "validation": training.history.last().map(|record| &record.validation),
            "unfinished": training.unfinished.as_ref().map(|(name, ..)| name),
            "problem": training.problem,
            "not_kept": training.not_kept,
        },
        "notices": notices.collect::<Vec<_>>(),
        "dead": dead.map(|(part, text)| json!({
            "pipeline": part.name(),
            "text": text,
        })).collect::<Vec<_>>(),
        "controls": controls.collect::<serde_json::Map<_, _>>(),
    })
}

fn model(workspace: &Workspace, open: &OpenModel) -> Value {
    json!({
        "name": open.card.name,
        "system": open.card.config.model.system,
        "problem": open.card.fold.as_ref().err(),
        "evaluated": open.evaluated.as_ref().map(|evaluated| json!({
            "utterances": evaluated.utterances.len(),
            "holds": workspace.conditions_of(&evaluated.held),
            "current": workspace.holds(open.card.id, &evaluated.held).1,
            "categories": evaluated.categories.names,
            "confusion": evaluated.confusion,
            "scores": evaluated.scores,
            "millis": evaluated.millis,
        })),
        "curves": Metric::of_task(open.card.config.model.task).iter().map(|metric| json!({
            "score": metric,
            "points": open.curve.points(*metric),
            "auilc": open.curve.auilc(*metric),
        })).collect::<Vec<_>>(),
        "curve_ua": open.curve.points(Metric::Ua),
        "auilc_ua": open.curve.auilc(Metric::Ua),
    })
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Idle => "idle",
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Pausing => "pausing",
        Phase::Paused => "paused",
        Phase::Stopping => "stopping",
        Phase::Ended(_) => "ended",
        Phase::Failed => "failed",
    }
}
