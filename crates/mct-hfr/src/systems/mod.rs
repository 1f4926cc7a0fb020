//! The systems that the paper compares, one file each; [`System`] lists them.
//!
//! What all of them share is in [`model`](crate::model): standardised inputs, missing steps and the
//! classification loss. A system is a [`Network`]. Attention units, unimodal encoders, pooling and
//! classifier are the same for all but MISA, which has its own front, so that what differs is the
//! fusion. Each file says at its head where sources disagree and which choice was made.

pub mod chfn;
pub mod emt_dlfr;
pub mod mct;
pub mod misa;
pub mod mult;
mod network;
pub mod pmr;
pub mod tfr_net;

use burn::module::Module;
use burn::tensor::Device;

use crate::config::{Interface, ModelConfig, System, with_systems};

pub use network::{Network, Sample, Steps, View};

macro_rules! define_networks {
    ($($file:ident :: $network:ident : { $(
        $system:ident $name:literal $title:literal relates $modalities:literal [ $($terms:tt)* ]
    )+ } )+) => {
        /// The network of any system.
        #[derive(Module, Debug)]
        #[expect(
            clippy::large_enum_variant,
            reason = "burn's modules cannot be boxed; there is one"
        )]
        pub enum AnyNetwork {
            $( $network($file::$network), )+
        }

        impl AnyNetwork {
            /// The network of the config's system.
            pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
                match config.system {
                    $( $( System::$system )|+ => {
                        Self::$network($file::$network::new(config, interface, device))
                    } )+
                }
            }

            pub fn as_network(&self) -> &dyn Network {
                match self {
                    $( Self::$network(network) => network, )+
                }
            }
        }
    };
}
with_systems!(define_networks);
