//! What every story needs.

use serde_json::{Value, json};
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Gateway, GatewayOptions};

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
pub(crate) fn assert_published(document: &Value) {
    let text = match document["kind"].as_str() {
        Some("Plan") => include_str!("../../docs/plan.schema.json"),
        Some("Outcome") => include_str!("../../docs/outcome.schema.json"),
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

/// A registry that serves the first build of `shop/web` as `1.0`. The tag before it is there too, so that the
/// repository has a scheme.
pub(crate) async fn shop(bed: &Bed) -> Gateway {
    shop_with(bed, GatewayOptions::new()).await
}

/// The same, with a login for instance.
pub(crate) async fn shop_with(bed: &Bed, options: GatewayOptions) -> Gateway {
    let registry = bed.gateway(options).await;
    bed.push(&registry, "shop/web", "0.9", bed.image("older").created("2026-11-10T10:00:00Z")).await;
    bed.push(&registry, "shop/web", "1.0", bed.image("old").created("2026-11-17T10:00:00Z")).await;
    registry
}

/// Pushes a new build of `shop/web` under the old tag: whatever runs `1.0` is stale from now on.
pub(crate) async fn push_again(bed: &Bed, registry: &Gateway) -> String {
    bed.push(registry, "shop/web", "1.0", bed.image("new").created("2026-11-20T10:00:00Z")).await
}

/// Asserts how a run ended, and shows all of it if it ended otherwise.
pub(crate) fn assert_ended(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.normalise());
}

/// What a run said in the end: the lines behind the plan, and stderr.
pub(crate) fn ending(ran: &Ran) -> String {
    let code = ran.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    let stdout = ran.normalised_stdout();
    let result = stdout.rsplit_once("\n\n").map_or(&*stdout, |(_, result)| result);
    format!("exit {code}\n{result}--- stderr\n{}", ran.normalised_stderr())
}

/// The image of the first container of a workload's template, or of a pod.
pub(crate) async fn image_of(bed: &Bed, kind: &str, name: &str) -> String {
    let object = bed.get(kind, name).await;
    let templates = ["/spec/jobTemplate/spec/template/spec", "/spec/template/spec", "/spec"];
    let spec =
        templates.iter().find_map(|template| object.pointer(template).filter(|spec| spec["containers"].is_array()));
    let image = spec.map(|spec| &spec["containers"][0]["image"]).and_then(Value::as_str);
    image.unwrap_or_else(|| panic!("{kind}/{name} asks for no image: {object:#}")).to_owned()
}

/// Deletes all pods with these labels, as somebody does whose controller does not replace them.
pub(crate) async fn delete_pods(bed: &Bed, selector: &str) {
    let pods = bed.pods(selector).await;
    for pod in pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
        bed.delete("pod", pod["metadata"]["name"].as_str().expect("a pod has a name")).await;
    }
}

/// What `docker login` leaves behind in the user's home.
pub(crate) fn log_in(bed: &Bed, registry: &Gateway, user: &str, password: &str) {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let docker = bed.home().join(".docker");
    std::fs::create_dir_all(&docker).expect("the home is ours to write");
    let logins = json!({"auths": {registry.host(): {"auth": pair}}});
    std::fs::write(docker.join("config.json"), logins.to_string()).expect("the home is ours to write");
}

/// Past the test harness, which keeps what a test prints to itself: the counts are for everybody.
pub(crate) fn say(text: &str) {
    // Who closed the stream does not want to know.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}
