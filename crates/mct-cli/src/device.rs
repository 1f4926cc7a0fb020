//! `mct-hfr devices`, and the choice of a device.

use anyhow::Result;
use burn_device::Named;
use clap::Args;
use mct_hfr::device as burn_device;
use mct_hfr::device::deviation;
use serde::Serialize;

use crate::output::{remark, say, say_json, table, usage};

/// List the compute devices
#[derive(Args)]
pub struct Devices {
    /// Run a small known-answer training step on each
    #[arg(long)]
    test: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    /// Whether `auto` chooses it.
    auto: bool,
    /// Relative deviation from the CPU; only with `--test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    deviation: Option<f32>,
}

impl Devices {
    pub fn run(self) -> Result<()> {
        let mut rows = Vec::new();
        for (index, named) in burn_device::list().into_iter().enumerate() {
            let deviation = match self.test {
                true => Some(pollster::block_on(deviation(&named.device, &mut |_| {}))?),
                false => None,
            };
            rows.push(Row {
                name: named.name,
                description: named.description,
                auto: index == 0,
                deviation,
            });
        }
        if self.json {
            return say_json(&rows);
        }
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                let mut cells = vec![row.name, row.description];
                cells.push(if row.auto { "auto" } else { "" }.to_owned());
                cells.extend(row.deviation.map(|deviation| format!("{deviation:.1e}")));
                cells
            })
            .collect();
        let header = ["device", "description", "", "deviation"];
        say(table(&header[..if self.test { 4 } else { 3 }], &rows));
        Ok(())
    }
}

/// The device of this name, after its known-answer test; the CPU if that fails.
///
/// # Errors
/// A name that is not a device's, as a usage error.
pub fn choose(name: &str) -> Result<Named> {
    let choice = pollster::block_on(mct_hfr::device::choose(name, &mut |_| {})).map_err(usage)?;
    if let Some(warning) = choice.warning {
        remark(format!("warning: {warning}"));
    }
    Ok(choice.named)
}
