//! The terms of a loss.

use serde::{Deserialize, Serialize};

/// A term of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// The weighted sum of all others.
    Total,
    /// Cross entropy of the incomplete view (eq. 12).
    Classification,
    /// The loss of the intensities of the incomplete view, in standard deviations of the training set.
    Regression,
    /// The supervised loss of the complete view (eq. 17).
    Complete,
    /// Distance of the views (GFA, eq. 17).
    Distance,
    /// Of missing features (LFI, eq. 15).
    Imagination,
    /// Of missing features in TFR-Net and EMT-DLFR, of projected vectors in MISA.
    Reconstruction,
    /// Of the views' pooled vectors (EMT-DLFR).
    Attraction,
    /// Distance of the modalities' shared vectors (MISA).
    Similarity,
    /// Lack of orthogonality between private and shared vectors (MISA).
    Difference,
}

impl Term {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Complete => "complete",
            Self::Distance => "distance",
            Self::Imagination => "imagination",
            Self::Reconstruction => "reconstruction",
            Self::Attraction => "attraction",
            Self::Similarity => "similarity",
            Self::Difference => "difference",
        }
    }
}
