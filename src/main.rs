//! Address.
fn main() {}
