//! What a person or a script gets to see.
//!
//! Renderers are functions of plain values and return text; [`printer`] alone touches the streams, but for what is gone
//! again: the line of [`progress`] and the questions of [`prompt`].
//! Text from outside passes [`crate::text::printable`] in each of them.

pub mod answer;
pub mod errors;
pub mod explain;
pub mod history;
pub mod json;
mod layout;
pub mod live;
pub mod name;
pub mod names;
pub mod outcome;
pub mod palette;
mod parked;
pub mod plan;
#[cfg(test)]
pub(crate) mod plan_samples;
pub mod printer;
pub mod progress;
pub mod prompt;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema;
pub mod shown;
pub mod summary;
pub mod table;
pub mod yaml;

pub use palette::Palette;
pub use printer::Printer;
pub use progress::Progress;
