//! What every story needs.

use testbed::bed::{Bed, Ran};

/// The product.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-freshimage");

/// Runs the product as this story's user.
pub(crate) async fn freshimage(bed: &Bed, arguments: &[&str]) -> Ran {
    bed.freshimage(BINARY, arguments).await
}

/// Whether the bed is the real one, where this story cannot be lived; says why.
#[expect(clippy::print_stdout, reason = "whoever reads the output of the tests shall see what was left out")]
pub(crate) fn cannot_be_real(bed: &Bed, why: &str) -> bool {
    if bed.is_real() {
        println!("only simulated: {why}");
    }
    bed.is_real()
}
