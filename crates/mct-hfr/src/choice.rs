//! The device that is used, after its known-answer test.

use crate::device::{self, Named};
use crate::error::Result;
use crate::self_test::{TOLERANCE, deviation_with};

/// A device, and why it is not the one that was asked for.
#[derive(Debug, Clone)]
pub struct Choice {
    pub named: Named,
    pub warning: Option<String>,
}

/// The device of this name once it has passed its known-answer test; the CPU where it does not.
///
/// # Errors
/// When there is no such device: says which there are.
pub async fn choose(name: &str) -> Result<Choice> {
    choose_with(name, &mut |_| {}).await
}

/// [`choose`] that tells which share of the test is done.
///
/// # Errors
/// When there is no such device: says which there are.
pub async fn choose_with(name: &str, done: &mut dyn FnMut(f32)) -> Result<Choice> {
    let named = device::open(name).await?;
    if named.name == device::CPU {
        return Ok(Choice {
            named,
            warning: None,
        });
    }
    let problem = match deviation_with(&named.device, done).await {
        Ok(deviation) if deviation <= TOLERANCE => {
            return Ok(Choice {
                named,
                warning: None,
            });
        }
        Ok(deviation) => {
            format!("deviates from the CPU by {deviation:.1e} (at most {TOLERANCE:.0e})")
        }
        Err(error) => format!("fails: {error}"),
    };
    let Named {
        name, description, ..
    } = &named;
    let warning = format!(
        "the known-answer test of {name} ({description}) {problem}; using {} (CPU)",
        device::CPU
    );
    Ok(Choice {
        named: device::cpu(),
        warning: Some(warning),
    })
}
