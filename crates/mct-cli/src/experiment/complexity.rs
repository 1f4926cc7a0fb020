//! Table 4: parameters and multiply-accumulates of all systems, next to the paper's.

use std::path::Path;

use anyhow::{Context as _, Result};
use mct_corpus::atomic;
use mct_hfr::config::{Config, System};
use mct_hfr::evaluation::complexity::{Count, count, paper_interface};

use crate::experiment::paper::COMPLEXITY;
use crate::output::{say, table};
use crate::report::Page;

const SYSTEMS: [System; 7] = [
    System::Mult,
    System::Misa,
    System::Pmr,
    System::Chfn,
    System::TfrNet,
    System::EmtDlfr,
    System::MctHfr,
];

/// Counts at the paper's sizes with the recipe of its table 4, which depend on no corpus.
pub fn write(folder: &Path) -> Result<()> {
    let header = [
        "system",
        "layer M",
        "layer G",
        "training M",
        "training G",
        "inference M",
        "inference G",
    ];
    let cells = |name: String, counts: [(f64, f64); 3]| {
        let values = counts.iter().flat_map(|(m, g)| [*m, *g]);
        let texts = values.map(|value| format!("{value:.2}"));
        std::iter::once(name).chain(texts).collect::<Vec<String>>()
    };
    let (mut full, mut thop) = (Vec::new(), Vec::new());
    for system in SYSTEMS {
        let config = Config::preset("table4")?.with_system(system);
        let counts = count(&config, &paper_interface())?;
        let columns = [counts.layer, counts.training, counts.inference];
        let title = system.title().to_owned();
        let in_full = |c: Count| (c.parameters as f64 / 1e6, c.macs as f64 / 1e9);
        full.push(cells(title.clone(), columns.map(in_full)));
        let as_thop = |c: Count| (c.thop_parameters as f64 / 1e6, c.thop_macs as f64 / 1e9);
        thop.push(cells(title.clone(), columns.map(as_thop)));
        let paper = COMPLEXITY.iter().find(|(name, _)| *name == title);
        if let Some((_, [a, b, c, d, e, f])) = paper {
            thop.push(cells("  the paper".into(), [(*a, *b), (*c, *d), (*e, *f)]));
        }
    }
    let mut page = Page::new("Complexity (table 4)");
    page.paragraph(
        "Parameters in millions (M) and multiply-accumulates in billions (G), for one utterance of \
         400 audio, 40 vision and 50 text steps.",
    );
    let as_paper = "As the paper's tool counts";
    page.table(as_paper, &header, &thop);
    page.paragraph(
        "The tool leaves out the input projections of attention, raw parameters, and the products of \
         queries, keys and values. The layers agree. Whole models differ where the paper's text does \
         not say what was counted: its totals of MulT and TFR-Net fit an attention over channels of \
         2.96 M parameters, which here is an attention over time (MulT) and part of training alone \
         (TFR-Net).",
    );
    page.table("In full", &header, &full);
    std::fs::create_dir_all(folder).context(folder.display().to_string())?;
    let save = |name: &str, text: &str| atomic::write(&folder.join(name), text.as_bytes());
    save("report.md", &page.markdown)?;
    save("report.html", &page.finish())?;
    say(format!("{as_paper}\n\n{}\n", table(&header, &thop)));
    say(format!("In full\n\n{}\n", table(&header, &full)));
    say(folder.join("report.html").display());
    Ok(())
}
