//! What every story needs.

use testbed::bed::{Bed, Ran};

/// The product.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-freshimage");

/// Runs the product as this story's user. Whatever it prints as JSON is held against the published schema.
pub(crate) async fn freshimage(bed: &Bed, arguments: &[&str]) -> Ran {
    let ran = bed.freshimage(BINARY, arguments).await;
    if arguments.ends_with(&["-o", "json"]) {
        assert_published(&ran.json());
    }
    ran
}

/// Asserts that a document is as its schema in `docs` says.
pub(crate) fn assert_published(document: &serde_json::Value) {
    let text = match document["kind"].as_str() {
        Some("Plan") => include_str!("../../docs/plan.schema.json"),
        _ => include_str!("../../docs/output.schema.json"),
    };
    let schema = serde_json::from_str(text).expect("the schema is JSON");
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.enable_format_assertions();
    compiler.add_resource("output.schema.json", schema).expect("the schema has a name");
    let index = compiler.compile("output.schema.json", &mut schemas).expect("the schema is one");
    if let Err(error) = schemas.validate(document, index) {
        panic!("{error}\n{document:#}");
    }
}

/// Whether the bed is the real one, where this story cannot be lived; says why.
#[expect(clippy::print_stdout, reason = "whoever reads the output of the tests shall see what was left out")]
pub(crate) fn cannot_be_real(bed: &Bed, why: &str) -> bool {
    if bed.is_real() {
        println!("only simulated: {why}");
    }
    bed.is_real()
}
