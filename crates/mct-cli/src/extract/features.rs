//! Which features are extracted.

use mct_extractors::Extractor;

/// A modality and what extracts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    pub modality: String,
    pub extractor: Extractor,
}

impl Feature {
    /// `MODALITY=EXTRACTOR`, or an extractor alone, whose modality is the usual one.
    ///
    /// # Errors
    /// When there is no such extractor.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (modality, name) = match text.split_once('=') {
            Some((modality, name)) => (Some(modality.trim()), name.trim()),
            None => (None, text.trim()),
        };
        let extractor = Extractor::of_name(name).ok_or_else(|| {
            let names = Extractor::ALL.map(Extractor::name).join(", ");
            format!("`{name}` is no extractor (there are {names})")
        })?;
        let modality = modality.unwrap_or_else(|| extractor.modality());
        if modality.is_empty() {
            return Err("expected MODALITY=EXTRACTOR".to_owned());
        }
        Ok(Self {
            modality: modality.to_owned(),
            extractor,
        })
    }
}
