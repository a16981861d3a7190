//! The simulated registry answers as the real one does: the same questions to both, through the same gateway.

use reqwest::{Method, Response};
use testbed::bed::Bed;
use testbed::client::{MANIFEST_TYPES, RegistryClient, http_client};
use testbed::gateway::{Gateway, GatewayOptions, ImmutableTags, Upstream};
use testbed::image::{Image, Index, digest_of};
use testbed::registry::RegistryStore;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

async fn ask(registry: &Gateway, method: Method, path: &str, accept: &str) -> Response {
    let mut request = http_client().request(method, format!("{}/v2/{path}", registry.url()));
    if !accept.is_empty() {
        request = request.header("accept", accept);
    }
    request.send().await.expect("the registry answers")
}

/// `HEAD` of a manifest in a few words.
async fn head(registry: &Gateway, reference: &str, accept: &str) -> String {
    let answer = ask(registry, Method::HEAD, &format!("app/manifests/{reference}"), accept).await;
    let header = |name: &str| answer.headers().get(name).map_or("-", |value| value.to_str().unwrap_or("?"));
    if answer.status() == 200 {
        format!("{} {} {}", header("content-type"), header("docker-content-digest"), header("content-length"))
    } else {
        answer.status().as_u16().to_string()
    }
}

fn told(media_type: &str, bytes: &[u8]) -> String {
    format!("{media_type} {} {}", digest_of(bytes), bytes.len())
}

async fn answers_as_registries_do(registry: &Gateway, amd64: Image) {
    let arm64 = amd64.clone().platform("linux", "arm64", Some("v8"));
    let oci = Index::new([amd64.clone(), arm64.clone()]).with_attestations();
    let docker = Index::new([amd64.clone(), arm64]).docker_types();
    let client = RegistryClient::new(&registry.host());
    client.push("app", Some("oci"), &oci).await.expect("the registry does as asked");
    client.push("app", Some("docker"), &docker).await.expect("the registry does as asked");
    client.push("app", Some("plain"), &amd64).await.expect("the registry does as asked");

    let index = told(OCI_INDEX, &oci.manifest().bytes);
    let list = told(DOCKER_LIST, &docker.manifest().bytes);
    assert_eq!(head(registry, "oci", MANIFEST_TYPES).await, index);
    assert_eq!(head(registry, &oci.digest(), MANIFEST_TYPES).await, index);
    assert_eq!(head(registry, "docker", MANIFEST_TYPES).await, list);
    assert_eq!(head(registry, "plain", MANIFEST_TYPES).await, told(OCI_MANIFEST, &amd64.manifest().bytes));

    // Who accepts too little gets something else, or nothing.
    assert_eq!(head(registry, "oci", DOCKER_MANIFEST).await, "404");
    assert_eq!(head(registry, "plain", DOCKER_LIST).await, "404");
    let child = docker.images()[0].manifest();
    assert_eq!(head(registry, "docker", DOCKER_MANIFEST).await, told(DOCKER_MANIFEST, &child.bytes));
    assert_eq!(head(registry, &docker.digest(), DOCKER_MANIFEST).await, list);
    assert_eq!(head(registry, "oci", "*/*").await, "404");

    assert_eq!(head(registry, "absent", MANIFEST_TYPES).await, "404");
    assert_eq!(ask(registry, Method::GET, "nowhere/tags/list", "").await.status().as_u16(), 404);

    // An index that no tag stands for stays, and its children stay when it is deleted.
    client.push("app", Some("oci"), oci.clone().annotation("build", "2")).await.expect("the registry does as asked");
    assert_eq!(head(registry, &oci.digest(), MANIFEST_TYPES).await, index);
    client.delete_manifest("app", &oci.digest()).await.expect("the registry does as asked");
    assert_eq!(head(registry, &oci.digest(), MANIFEST_TYPES).await, "404");
    assert_ne!(head(registry, "oci", MANIFEST_TYPES).await, "404");
    assert_ne!(head(registry, &amd64.digest(), MANIFEST_TYPES).await, "404");

    // A tag goes with its manifest.
    client.delete_manifest("app", &docker.digest()).await.expect("the registry does as asked");
    assert_eq!(head(registry, "docker", MANIFEST_TYPES).await, "404");
    let mut tags = client.tags("app").await.expect("the registry does as asked");
    tags.sort();
    assert_eq!(tags, ["oci", "plain"]);
}

#[tokio::test]
async fn the_simulated_registry_answers_as_registries_do() {
    let options = GatewayOptions::new().prefix("story/r1");
    let registry = Gateway::start(Upstream::Router(RegistryStore::new().router()), options).await.unwrap();
    answers_as_registries_do(&registry, Image::new("v1").platform("linux", "amd64", None)).await;
}

#[tokio::test]
async fn the_registry_of_the_bed_answers_as_registries_do() {
    let bed = Bed::start("registries").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    answers_as_registries_do(&registry, bed.image("v1").platform("linux", "amd64", None)).await;
    bed.finish().await;
}

#[tokio::test]
async fn content_gets_another_tag_through_the_front_door() {
    let bed = Bed::start("registries-tag").await;
    let gateway = bed.gateway(GatewayOptions::new()).await;
    let index = Index::new([bed.image("v1"), bed.image("v1").platform("linux", "s390x", None)]).with_attestations();
    let digest = bed.push(&gateway, "shop/app", "1.0", &index).await;
    let base = format!("{}/v2/shop/app", gateway.url());
    let http = http_client();
    let begun = http.post(format!("{base}/blobs/uploads/")).send().await.unwrap();
    assert_eq!(begun.status().as_u16(), 202);
    let location = begun.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("/v2/shop/app/blobs/uploads/"), "{location}");
    let given_up = http.delete(format!("{}{location}", gateway.url())).send().await.unwrap();
    assert_eq!(given_up.status().as_u16(), 204);

    let client = RegistryClient::new(&gateway.host());
    let manifest = client.manifest("shop/app", "1.0").await.unwrap();
    let put = http.put(format!("{base}/manifests/1.0-2")).header("content-type", &manifest.media_type);
    let put = put.body(manifest.bytes.clone()).send().await.unwrap();
    assert_eq!(put.status().as_u16(), 201);
    assert_eq!(put.headers()["docker-content-digest"], digest.as_str());
    assert_eq!(client.manifest("shop/app", "1.0-2").await.unwrap(), manifest);
    gateway.add_tags("shop/app", "1.0", ["0.9".to_owned()]);
    let page = http.get(format!("{base}/tags/list?n=2")).send().await.unwrap();
    assert_eq!(page.headers()["link"], "</v2/shop/app/tags/list?last=1.0&n=2>; rel=\"next\"");
    let page: serde_json::Value = page.json().await.unwrap();
    assert_eq!(page, serde_json::json!({"name": "shop/app", "tags": ["0.9", "1.0"]}));
    assert_eq!(client.tags("shop/app").await.unwrap(), ["0.9", "1.0", "1.0-2"]);

    gateway.set_immutable_tags(Some(ImmutableTags::harbor()));
    let failure = client.put_manifest("shop/app", "1.0", &manifest).await.unwrap_err();
    assert_eq!(failure.status.map(|status| status.as_u16()), Some(412));
    bed.finish().await;
}
