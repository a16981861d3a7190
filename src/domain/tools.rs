//! Who else has a hand in a workload: tools that put its definition back, and those that add containers to its pods.
//!
//! Both are known by marks that they leave in the metadata of objects. What the marks are, what a tool calls what it
//! keeps, and where a person has to change it instead, stands in the two tables of this file and nowhere else.

/// A label or an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `metadata.labels`.
    Label(&'static str),
    /// `metadata.annotations`.
    Annotation(&'static str),
}

impl Key {
    /// The key itself.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Label(key) | Self::Annotation(key) => key,
        }
    }
}

/// What has to be so beside a mark for it to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Nothing.
    Always,
    /// The value begins with this.
    Begins(&'static str),
    /// A manager of the object's fields begins with this: the mark is everybody's.
    WrittenBy(&'static str),
    /// These are not there.
    Without(&'static [Key]),
}

/// Where the name stands that the tool has for the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// It is the mark's value.
    Value,
    /// The value up to the first colon.
    BeforeColon,
    /// Under another key.
    Of(Key),
    /// The object's own.
    Object,
    /// The tag of the image stream in the first of `OpenShift`'s triggers that is not paused.
    ImageStreamTag,
}

/// A trace of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The key; without a value there is no mark.
    pub key: Key,
    /// When it counts.
    pub only: Only,
    /// The name of what is kept.
    pub name: Name,
}

impl Mark {
    const fn label(key: &'static str) -> Self {
        Self { key: Key::Label(key), only: Only::Always, name: Name::Value }
    }

    const fn annotation(key: &'static str) -> Self {
        Self { key: Key::Annotation(key), only: Only::Always, name: Name::Value }
    }

    const fn only(self, only: Only) -> Self {
        Self { only, ..self }
    }

    const fn named(self, name: Name) -> Self {
        Self { name, ..self }
    }
}

/// A tool that puts definitions back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper {
    /// Its name.
    pub tool: &'static str,
    /// Tool and object in a sentence, in front of the object's name: `Argo CD application`.
    pub keeps: &'static str,
    /// When it puts the image back, behind a sentence that ends in "will put the image back"; empty: soon.
    pub when: &'static str,
    /// What to change instead.
    pub source: &'static str,
    /// How it is known; the first mark with a name decides.
    pub marks: &'static [Mark],
}

/// An operator is known by what owns the workload, not by a mark.
pub const OPERATOR: &str = "operator";

const FLUX_RELEASE: &str = "helm.toolkit.fluxcd.io/name";
const OBJECT_SET: &str = "objectset.rio.cattle.io/id";
const OWNER_KIND: &str = "objectset.rio.cattle.io/owner-gvk";
const OWNER_NAME: Name = Name::Of(Key::Annotation("objectset.rio.cattle.io/owner-name"));

/// Every tool that is known to put definitions back.
pub const KEEPERS: &[Keeper] = &[
    Keeper {
        tool: "Argo CD",
        keeps: "Argo CD application",
        when: "",
        source: "the repository that the application is made from",
        marks: &[
            // `application:group/kind:namespace/name`
            Mark::annotation("argocd.argoproj.io/tracking-id").named(Name::BeforeColon),
            Mark::label("app.kubernetes.io/instance").only(Only::WrittenBy("argocd")),
        ],
    },
    Keeper {
        tool: "Flux",
        keeps: "Flux object",
        when: "",
        source: "the repository that it is made from",
        marks: &[Mark::label("kustomize.toolkit.fluxcd.io/name"), Mark::label(FLUX_RELEASE)],
    },
    Keeper {
        tool: "Fleet",
        keeps: "Fleet bundle",
        when: "",
        source: "the repository that the bundle is made from",
        marks: &[
            Mark::annotation(OBJECT_SET).only(Only::Without(&[Key::Annotation(OWNER_KIND)])),
            Mark::label("fleet.cattle.io/bundle-id"),
        ],
    },
    Keeper {
        tool: "Helm",
        keeps: "Helm release",
        when: " at its next upgrade",
        source: "the values or the chart of the release",
        // The releases of Flux and Fleet are Helm's too; they are the ones who put things back.
        marks: &[Mark::annotation("meta.helm.sh/release-name")
            .only(Only::Without(&[Key::Label(FLUX_RELEASE), Key::Annotation(OBJECT_SET)]))],
    },
    Keeper {
        tool: "K3s",
        keeps: "K3s add-on",
        when: "",
        source: "its manifest on the server's node",
        marks: &[Mark::annotation(OWNER_KIND).only(Only::Begins("k3s.cattle.io/")).named(OWNER_NAME)],
    },
    Keeper {
        tool: "Rancher",
        keeps: "Rancher object",
        when: "",
        source: "that object",
        marks: &[
            Mark::annotation(OWNER_KIND).only(Only::Begins("management.cattle.io/")).named(OWNER_NAME),
            Mark::annotation(OWNER_KIND).only(Only::Begins("provisioning.cattle.io/")).named(OWNER_NAME),
            Mark::annotation(OWNER_KIND).only(Only::Begins("fleet.cattle.io/")).named(OWNER_NAME),
            Mark::annotation(OWNER_KIND).only(Only::Begins("helm.cattle.io/")).named(OWNER_NAME),
            Mark::annotation(OWNER_KIND).only(Only::Begins("catalog.cattle.io/")).named(OWNER_NAME),
        ],
    },
    Keeper {
        tool: "OpenShift",
        keeps: "OpenShift image stream tag",
        when: "",
        source: "the image stream",
        marks: &[Mark::annotation("image.openshift.io/triggers").named(Name::ImageStreamTag)],
    },
    Keeper {
        tool: "kapp",
        keeps: "kapp app",
        when: " at its next deploy",
        source: "the files that the app is deployed from",
        marks: &[Mark::label("kapp.k14s.io/app"), Mark::annotation("kapp.k14s.io/identity").named(Name::Object)],
    },
    Keeper {
        tool: "addon-manager",
        keeps: "addon-manager's add-on",
        when: "",
        source: "its manifest on the control plane's node",
        // The other mode, `EnsureExists`, leaves alone what is there.
        marks: &[Mark::label("addonmanager.kubernetes.io/mode").only(Only::Begins("Reconcile")).named(Name::Object)],
    },
    Keeper {
        tool: "Config Sync",
        keeps: "Config Sync resource",
        when: "",
        source: "the repository that it is made from",
        marks: &[
            Mark::annotation("configmanagement.gke.io/managed")
                .only(Only::Begins("enabled"))
                .named(Name::Of(Key::Annotation("configsync.gke.io/resource-id"))),
            Mark::annotation("configmanagement.gke.io/managed").only(Only::Begins("enabled")).named(Name::Object),
        ],
    },
    Keeper {
        tool: "Crossplane",
        keeps: "Crossplane composite resource",
        when: "",
        source: "the composition or the resource's own spec",
        marks: &[Mark::label("crossplane.io/composite")],
    },
    Keeper {
        tool: "KubeVela",
        keeps: "KubeVela application",
        when: "",
        source: "the application",
        marks: &[Mark::label("app.oam.dev/name")],
    },
    Keeper {
        tool: "OLM",
        keeps: "OLM's ClusterServiceVersion",
        when: "",
        source: "the bundle of the operator",
        marks: &[Mark::label("olm.owner")],
    },
    Keeper { tool: OPERATOR, keeps: "the operator of", when: "", source: "that object", marks: &[] },
];

/// A tool that adds containers to pods while they are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Injector {
    /// Its name.
    pub tool: &'static str,
    /// How the names of its containers begin.
    containers: &'static [&'static str],
}

/// Every injector that is known, with the key that it leaves on the pods that it has changed.
pub const INJECTORS: &[(Key, Injector)] = &[
    (
        Key::Annotation("sidecar.istio.io/status"),
        Injector { tool: "Istio", containers: &["istio-proxy", "istio-init", "istio-validation", "enable-core-dump"] },
    ),
    (Key::Annotation("linkerd.io/proxy-version"), Injector { tool: "Linkerd", containers: &["linkerd-"] }),
    (
        Key::Annotation("vault.hashicorp.com/agent-inject-status"),
        Injector { tool: "Vault", containers: &["vault-agent"] },
    ),
    (Key::Annotation("dapr.io/enabled"), Injector { tool: "Dapr", containers: &["daprd"] }),
    (Key::Label("dapr.io/sidecar-injected"), Injector { tool: "Dapr", containers: &["daprd"] }),
    (Key::Annotation("consul.hashicorp.com/connect-inject-status"), CONSUL),
    (Key::Label("consul.hashicorp.com/connect-inject-status"), CONSUL),
    (Key::Annotation("kuma.io/sidecar-injected"), Injector { tool: "Kuma", containers: &["kuma-"] }),
    (Key::Label("sidecar.opentelemetry.io/injected"), OPEN_TELEMETRY),
    (Key::Annotation("sidecar.opentelemetry.io/inject"), OPEN_TELEMETRY),
    (Key::Annotation("instrumentation.opentelemetry.io/inject-java"), OPEN_TELEMETRY),
    (Key::Annotation("instrumentation.opentelemetry.io/inject-nodejs"), OPEN_TELEMETRY),
    (Key::Annotation("instrumentation.opentelemetry.io/inject-python"), OPEN_TELEMETRY),
    (Key::Annotation("instrumentation.opentelemetry.io/inject-dotnet"), OPEN_TELEMETRY),
    (Key::Label("admission.datadoghq.com/enabled"), Injector { tool: "Datadog", containers: &["datadog-"] }),
    (Key::Label("sidecar.jaegertracing.io/injected"), Injector { tool: "Jaeger", containers: &["jaeger-agent"] }),
];

const CONSUL: Injector = Injector { tool: "Consul", containers: &["consul-", "envoy-sidecar"] };
const OPEN_TELEMETRY: Injector =
    Injector { tool: "OpenTelemetry", containers: &["otc-container", "opentelemetry-auto-instrumentation"] };

/// Which of the injectors that left a mark on a pod adds containers of this name; `None` where none is known to.
#[must_use]
pub fn injector_of(injectors: &[&'static Injector], container: &str) -> Option<&'static str> {
    let adds = |injector: &&&Injector| injector.containers.iter().any(|begin| container.starts_with(begin));
    injectors.iter().find(adds).map(|injector| injector.tool)
}

/// What is known of a tool that puts definitions back.
#[must_use]
pub fn keeper(tool: &str) -> Option<&'static Keeper> {
    KEEPERS.iter().find(|keeper| keeper.tool == tool)
}

/// Every key that tells of a tool.
pub fn keys() -> impl Iterator<Item = &'static str> {
    let of_mark = |mark: &'static Mark| {
        let named = match mark.name {
            Name::Of(key) => Some(key),
            _ => None,
        };
        let without: &[Key] = match mark.only {
            Only::Without(keys) => keys,
            _ => &[],
        };
        [Some(mark.key), named].into_iter().flatten().chain(without.iter().copied())
    };
    let of_keepers = KEEPERS.iter().flat_map(|keeper| keeper.marks).flat_map(of_mark);
    of_keepers.chain(INJECTORS.iter().map(|(key, _)| *key)).map(Key::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injector_is_named_only_for_containers_that_are_its_own() {
        let of =
            |tool: &str| INJECTORS.iter().map(|(_, injector)| injector).find(|injector| injector.tool == tool).unwrap();
        let both = [of("Istio"), of("Vault")];
        for (container, expected) in [
            ("istio-proxy", Some("Istio")),
            ("istio-init", Some("Istio")),
            ("vault-agent-init", Some("Vault")),
            ("vault-agent", Some("Vault")),
            ("daprd", None),
            ("logger", None),
        ] {
            assert_eq!(injector_of(&both, container), expected, "{container}");
        }
        assert_eq!(injector_of(&[], "istio-proxy"), None);
    }

    #[test]
    fn no_tool_stands_in_the_table_twice() {
        let mut tools: Vec<&str> = KEEPERS.iter().map(|keeper| keeper.tool).collect();
        tools.sort_unstable();
        tools.dedup();
        assert_eq!(tools.len(), KEEPERS.len());
    }
}
