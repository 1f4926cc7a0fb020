//! The list of systems: the baselines of section 5.4, and MCT-HFR with or without its reconstruction
//! parts (section 6.2.2).
//!
//! A new system is a file of `systems/` and a line here.

use serde::{Deserialize, Serialize};

use crate::config::interface::Interface;
use crate::config::term::Term;
use crate::error::{Error, Result};

/// Expands a macro with the list: per network its file and type in `systems/`, and the systems that it
/// implements. A system has a variant of [`System`], a name in config files, a title in the paper, the
/// fewest modalities that it can relate, and the loss terms that it adds to the cross entropy with
/// their weights.
macro_rules! with_systems {
    ($expand:ident) => {
        $expand! {
            mult::Mult: { Mult "mult" "MulT" relates 2 [] }
            misa::Misa: { Misa "misa" "MISA" relates 2 [
                Difference = Fixed(0.3), Similarity = Fixed(1.0), Reconstruction = Fixed(1.0)
            ] }
            pmr::Pmr: { Pmr "pmr" "PMR" relates 2 [] }
            chfn::Chfn: { Chfn "chfn" "CHFN" relates 2 [] }
            tfr_net::TfrNet: { TfrNet "tfr-net" "TFR-Net" relates 2 [Reconstruction = Fixed(1.0)] }
            emt_dlfr::EmtDlfr: { EmtDlfr "emt-dlfr" "EMT-DLFR" relates 2 [
                Complete = Fixed(1.0), Attraction = Fixed(1.0), Reconstruction = Fixed(1.0)
            ] }
            mct::MctHfr: {
                Mct "mct" "MCT" relates 1 []
                MctGfa "mct-gfa" "MCT-GFA" relates 1 [Complete = AlphaComplete, Distance = Alpha]
                MctLfi "mct-lfi" "MCT-LFI" relates 1 [Imagination = Beta]
                MctHfr "mct-hfr" "MCT-HFR" relates 1 [
                    Complete = AlphaComplete, Distance = Alpha, Imagination = Beta
                ]
            }
        }
    };
}
pub(crate) use with_systems;

/// The weight of a loss term unless `training.loss_weights` names another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DefaultWeight {
    Fixed(f64),
    /// `training.alpha` (eq. 18).
    Alpha,
    /// `training.alpha_complete`, or `training.alpha`.
    AlphaComplete,
    /// `training.beta` (eq. 18).
    Beta,
}

macro_rules! define_systems {
    ($($file:ident :: $network:ident : { $(
        $system:ident $name:literal $title:literal relates $modalities:literal
        [ $( $term:ident = $weight:expr ),* ]
    )+ } )+) => {
        /// One of the compared systems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum System {
            $($( #[serde(rename = $name)] $system, )+)+
        }

        impl System {
            /// In the order of the paper's tables.
            pub const ALL: &'static [Self] = &[ $($( Self::$system, )+)+ ];

            /// As config files and the command line write it.
            pub const fn name(self) -> &'static str {
                match self { $($( Self::$system => $name, )+)+ }
            }

            /// As the paper writes it.
            pub const fn title(self) -> &'static str {
                match self { $($( Self::$system => $title, )+)+ }
            }

            /// The fewest modalities that it can relate to each other.
            pub const fn fewest_modalities(self) -> usize {
                match self { $($( Self::$system => $modalities, )+)+ }
            }

            /// The loss terms that it adds to the cross entropy, with their weights.
            pub fn loss_terms(self) -> &'static [(Term, DefaultWeight)] {
                #[allow(unused_imports, reason = "not every system adds a term")]
                use DefaultWeight::{Alpha, AlphaComplete, Beta, Fixed};
                match self { $($( Self::$system => &[ $( (Term::$term, $weight), )* ], )+)+ }
            }
        }
    };
}
with_systems!(define_systems);

impl System {
    /// The system of this name in config files.
    ///
    /// # Errors
    /// Lists the names that there are; `source` is where the name was read.
    pub fn named(source: &str, name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|system| system.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|system| system.name()).collect();
            Error::invalid(source, "model.system", name, names.join(", "))
        })
    }

    /// Whether it reconstructs missing features by Local Feature Imagination.
    pub const fn has_lfi(self) -> bool {
        matches!(self, Self::MctLfi | Self::MctHfr)
    }

    /// Whether it aligns the views by Global Feature Alignment.
    pub const fn has_gfa(self) -> bool {
        matches!(self, Self::MctGfa | Self::MctHfr)
    }

    /// Whether this key of the config can change anything of it; of keys that only some systems read.
    pub fn uses(self, key: &str) -> bool {
        match key {
            "training.alpha" | "training.alpha_complete" => self.has_gfa(),
            "model.alignment" | "model.distance" | "model.predictor" | "model.gfa_symmetric" => {
                self.has_gfa()
            }
            "training.beta" | "model.queries" | "model.decoder_layers" => self.has_lfi(),
            "training.auxiliary_from_epoch" => !self.loss_terms().is_empty(),
            // Of the MRAU.
            "model.balance"
            | "model.extrapolation"
            | "model.outer_residual"
            | "model.dropout.outer" => self.is_mct(),
            // Of the unimodal encoder.
            "model.positions" | "model.scaled_input" => self != Self::Misa,
            _ => match key.strip_prefix("training.loss_weights.") {
                Some(name) => self
                    .loss_terms()
                    .iter()
                    .any(|(term, _)| term.name() == name),
                None => true,
            },
        }
    }

    /// Whether it is MCT, with or without its reconstruction parts.
    pub const fn is_mct(self) -> bool {
        matches!(self, Self::Mct | Self::MctGfa | Self::MctLfi | Self::MctHfr)
    }

    /// Refuses a corpus that the system cannot work on.
    ///
    /// # Errors
    /// When there are fewer modalities than it relates to each other.
    pub fn require(self, interface: &Interface, source: &str) -> Result<()> {
        let count = interface.modalities.len();
        if count >= self.fewest_modalities() {
            return Ok(());
        }
        let expected = match self.fewest_modalities() {
            2 => format!("two or more for {}", self.title()),
            fewest => format!("{fewest} or more for {}", self.title()),
        };
        Err(Error::invalid(source, "modalities", count, expected))
    }
}
