//! From a recording to features: what can be read of it, what extractors make of that, and why a modality is
//! missing. [`clips()`] makes a corpus of recordings for a model that knows its extractors.

mod clips;
mod one;
mod shown;
mod source;

pub use clips::{Clips, ExtractionError, Known, clips};
pub use one::{Cause, Extracted, Subject, Watch, of_recording};
pub use shown::{Media, Medium, Thumbnail};
pub use source::{Moving, Reader, Sound};
