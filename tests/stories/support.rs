//! What every story needs.

use testbed::bed::{Bed, Ran};

/// Runs the product as this story's user.
pub(crate) async fn freshimage(bed: &Bed, arguments: &[&str]) -> Ran {
    bed.freshimage(env!("CARGO_BIN_EXE_kubectl-freshimage"), arguments).await
}
