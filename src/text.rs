//! Text that is shown to users: escaping of untrusted text, and numbers.

mod format;
mod line;
mod number;
mod quoted;

pub(crate) use format::{harmless, percent, plural, visible_json};
pub(crate) use line::one_line;
pub use number::grouped;
pub use quoted::Excerpt;
