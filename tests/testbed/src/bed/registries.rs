//! The registries and images of a bed: where a story's content comes from.

use serde_json::json;

use crate::client::{Failure, RegistryClient};
use crate::gateway::{Gateway, GatewayOptions, Upstream};
use crate::image::{Image, Pushable};

use super::{Bed, Kind, Registry};

impl Bed {
    /// A new registry before the product's eyes. The first is shown as `<registry>`, the next as `<registry-2>`.
    ///
    /// # Panics
    /// No port can be had.
    pub async fn gateway(&self, options: GatewayOptions) -> Gateway {
        let number = self.with(|mutable| {
            mutable.gateways += 1;
            mutable.gateways
        });
        let mut options = options;
        if options.prefix.is_none() {
            options.prefix = Some(format!("{}/r{number}", self.home_namespace.name()));
        }
        let upstream = match &self.registry {
            Registry::Simulated { store, .. } => Upstream::Router(store.router()),
            Registry::Real(host) => Upstream::Http(host.clone()),
        };
        let gateway = Gateway::start(upstream, options).await.expect("a loopback port can be had");
        let name = if number == 1 { "registry".to_owned() } else { format!("registry-{number}") };
        self.with(|mutable| mutable.normaliser.text(&gateway.host(), &name));
        if let Kind::Real(real) = &self.kind {
            let made = real.announce_registry(&gateway.host(), &gateway.url(), gateway.ca_pem());
            self.with(|mutable| mutable.leftovers.extend(made));
        }
        gateway
    }

    /// Gives a gateway a name that the nodes know and this machine does not, as local clusters have it; shown as
    /// `<registry inside>`.
    ///
    /// # Panics
    /// The nodes of the real bed cannot be told.
    pub fn name_inside(&self, gateway: &Gateway) -> String {
        // The last part makes sure that it resolves nowhere.
        let name = format!("{}.invalid:5000", self.home_namespace.name());
        let left = match &self.kind {
            Kind::Simulated(cluster) => {
                for node in cluster.nodes() {
                    node.add_mirror(&name, &gateway.url());
                }
                Vec::new()
            }
            Kind::Real(real) => real.announce_registry(&name, &gateway.url(), gateway.ca_pem()),
        };
        self.with(|mutable| {
            mutable.leftovers.extend(left);
            mutable.normaliser.text(&name, "registry inside");
        });
        name
    }

    /// Lets the cluster say what its registry is called, in the ConfigMap that all of them use for it. There is one for
    /// the whole cluster: one story at a time may have it.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn publish_local_registry(&self, hosting: &str) {
        const PLACE: &str = "/api/v1/namespaces/kube-public/configmaps";
        let name = "local-registry-hosting";
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-public"},
            "data": {"localRegistryHosting.v1": hosting},
        });
        let path = format!("{PLACE}/{name}");
        let written = match done(self.kubernetes.find(&path).await) {
            Some(_) => self.kubernetes.replace(&path, &object).await,
            None => self.kubernetes.create(PLACE, &object).await,
        };
        done(written);
        self.with(|mutable| mutable.cluster_wide.push(path));
    }

    /// An image that runs on this bed and that no other story has: containerd knows images by content, so two stories
    /// with one content would see each other's names.
    #[must_use]
    pub fn image(&self, content: &str) -> Image {
        let image = Image::new(content).label("testbed.story", self.home_namespace.name());
        match &self.busybox {
            Some(layer) => image.on_layer(layer.clone()),
            None => image,
        }
    }

    /// Pushes behind a gateway's back: no faults, no login, not recorded. Returns the digest that the tag serves; all
    /// digests get names in normalised outputs.
    ///
    /// # Panics
    /// The registry refuses.
    pub async fn push(&self, gateway: &Gateway, repository: &str, tag: &str, content: impl Into<Pushable>) -> String {
        let content = content.into();
        self.name_digests(&content);
        let repository = gateway.upstream_repository(repository);
        done(self.side_door().push(&repository, Some(tag), content).await)
    }

    /// Gives what a tag or digest stands for another tag too, behind the gateway's back.
    ///
    /// # Panics
    /// The registry refuses.
    pub async fn tag(&self, gateway: &Gateway, repository: &str, from: &str, to: &str) {
        done(self.side_door().tag(&gateway.upstream_repository(repository), from, to).await);
    }

    /// Deletes a manifest by its digest, behind the gateway's back.
    ///
    /// # Panics
    /// The registry refuses.
    pub async fn delete_manifest(&self, gateway: &Gateway, repository: &str, digest: &str) {
        done(self.side_door().delete_manifest(&gateway.upstream_repository(repository), digest).await);
    }

    /// The registry without its gateway, under upstream names.
    #[must_use]
    pub fn side_door(&self) -> RegistryClient {
        match &self.registry {
            Registry::Simulated { server, .. } => RegistryClient::new(&server.host()),
            Registry::Real(host) => RegistryClient::new(host),
        }
    }

    /// Puts an image on a node without any registry, as `ctr images import` does.
    pub async fn import_image(&self, node: &str, content: impl Into<Pushable>, reference: &str) {
        let content = content.into();
        self.name_digests(&content);
        let archive = content.oci_archive(reference);
        match &self.kind {
            Kind::Simulated(cluster) => cluster.node(node).import(reference, &archive).await,
            Kind::Real(real) => {
                real.node(node).ctr(&["images", "import", "-"], &archive).await;
            }
        }
    }

    /// Pulls an image onto a node behind the kubelet's back, as node images and pre-pulls are made: it has its tag, and no
    /// repo digest.
    pub async fn bake_image(&self, node: &str, reference: &str) {
        match &self.kind {
            Kind::Simulated(cluster) => {
                cluster.node(node).bake(reference).await.unwrap_or_else(|why| panic!("{reference}: {why}"));
            }
            Kind::Real(real) => {
                real.node(node).ctr(&["images", "pull", "--plain-http", reference], &[]).await;
            }
        }
    }

    /// Removes one reference from a node; the content stays as long as another one holds it.
    pub async fn remove_image(&self, node: &str, reference: &str) {
        match &self.kind {
            Kind::Simulated(cluster) => {
                cluster.node(node).remove(reference).await;
            }
            Kind::Real(real) => {
                real.node(node).ctr(&["images", "rm", "--sync", reference], &[]).await;
            }
        }
    }
}

fn done<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure}"))
}
