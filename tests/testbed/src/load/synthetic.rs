//! Made-up workloads of realistic size: what a cluster with many small services holds.

use serde_json::{Value, json};

use crate::api::fields::{Manager, note_update};
use crate::api::{ApiServer, defaults};
use crate::store::object::{object_at, safe_hash};

use super::LoadOptions;
use super::registries::LoadImage;

const CREATED: &str = "2026-11-20T08:00:00Z";

/// One deployment of the load with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The Deployment.
    pub deployment: Value,
    /// Its ReplicaSet.
    pub replica_set: Value,
    /// Its pods.
    pub pods: Vec<Value>,
}

fn uid(kind: u16, number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-{kind:012x}")
}

fn namespace(options: &LoadOptions, deployment: usize) -> String {
    format!("load-{}", deployment % options.namespaces.max(1))
}

/// The namespaces' names.
pub fn namespaces(options: &LoadOptions) -> Vec<String> {
    (0..options.namespaces.max(1)).map(|number| format!("load-{number}")).collect()
}

/// The nodes.
pub fn nodes(options: &LoadOptions) -> Vec<Value> {
    (0..options.nodes.max(1))
        .map(|number| {
            let name = format!("load-node-{number}");
            json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {
                    "name": name, "uid": uid(1, number), "creationTimestamp": CREATED,
                    "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name},
                },
                "spec": {},
                "status": {
                    "nodeInfo": {
                        "architecture": "amd64", "operatingSystem": "linux", "containerRuntimeVersion": "containerd://2.4.2",
                        "kubeletVersion": "v1.37.2", "kernelVersion": "6.1.0", "osImage": "Debian GNU/Linux 12 (bookworm)",
                        "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": "",
                    },
                    "images": [],
                },
            })
        })
        .collect()
}

fn environment(service: usize) -> Vec<Value> {
    let mut variables: Vec<Value> = [
        ("LOG_LEVEL", "info"),
        ("DATABASE_HOST", "postgres-primary.data.svc.cluster.local"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.observability.svc.cluster.local:4317"),
    ]
    .iter()
    .map(|(name, value)| json!({"name": name, "value": value}))
    .collect();
    let name = format!("service-{service}");
    variables.push(json!({"name": "SERVICE_NAME", "value": name}));
    let own_name = json!({"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}});
    variables.push(json!({"name": "POD_NAME", "valueFrom": own_name}));
    variables.push(
        json!({"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}),
    );
    variables
}

fn template(service: usize, image: &LoadImage, sidecar: &LoadImage) -> Value {
    let probe = |path: &str, port: i64| json!({"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, "initialDelaySeconds": 5});
    let token = json!({"name": "kube-api-access", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
    let mut spec = json!({
        "containers": [
            {
                "name": "app", "image": image.reference, "env": environment(service),
                "ports": [{"name": "http", "containerPort": 8080}],
                "livenessProbe": probe("/healthz", 8080), "readinessProbe": probe("/readyz", 8080),
                "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/app"}, token,
                ],
            },
            {
                "name": "proxy", "image": sidecar.reference, "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--log-level=warning"],
                "env": environment(service)[5..].to_vec(), "ports": [{"name": "admin", "containerPort": 15_000}],
                "resources": {"requests": {"cpu": "10m", "memory": "40Mi"}},
                "volumeMounts": [token],
            },
        ],
        "serviceAccountName": "default", "nodeSelector": {"kubernetes.io/os": "linux"},
        "volumes": [
            {"name": "config", "configMap": {"name": format!("service-{service}")}},
            {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ]}},
        ],
    });
    defaults::pod_spec(&mut spec);
    json!({
        "metadata": {"labels": {"app": format!("service-{service}"), "team": format!("team-{}", service % 10)}},
        "spec": spec,
    })
}

fn running(name: &str, image: &LoadImage, number: usize) -> Value {
    let repository = image.reference.rsplit_once(':').map_or("", |(repository, _)| repository);
    json!({
        "name": name, "image": image.reference, "imageID": format!("{repository}@{}", image.running_digest),
        "containerID": format!("containerd://{number:064x}"), "ready": true, "started": true, "restartCount": 0,
        "state": {"running": {"startedAt": CREATED}}, "lastState": {},
        "user": {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}},
        "volumeMounts": [{
            "name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true,
            "recursiveReadOnly": "Disabled",
        }],
    })
}

fn status(number: usize, image: &LoadImage, sidecar: &LoadImage) -> Value {
    let conditions: Vec<Value> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .iter()
        .map(|kind| {
            json!({"type": kind, "status": "True", "observedGeneration": 1, "lastProbeTime": null, "lastTransitionTime": CREATED})
        })
        .collect();
    let address = format!("10.{}.{}.{}", 100 + number / 62_500, number / 250 % 250, number % 250 + 1);
    json!({
        "phase": "Running", "observedGeneration": 1, "conditions": conditions,
        "hostIP": "10.88.0.11", "hostIPs": [{"ip": "10.88.0.11"}], "podIP": address, "podIPs": [{"ip": address}],
        "startTime": CREATED, "qosClass": "Burstable",
        "containerStatuses": [running("app", image, number), running("proxy", sidecar, number)],
    })
}

fn manager(name: &str, subresource: &str) -> Manager {
    Manager { name: name.into(), operation: "Update", subresource: subresource.into() }
}

/// The workload with this number; the sidecar's image is the last one.
pub fn workload(options: &LoadOptions, images: &[LoadImage], number: usize) -> Workload {
    let sidecar = &images[images.len() - 1];
    let image = &images[number % (images.len() - 1).max(1)];
    let namespace = namespace(options, number);
    let name = format!("service-{number}");
    let pod_count = (number..options.pods).step_by(options.deployments.max(1)).count();
    let mut template = template(number, image, sidecar);
    let selector = json!({"matchLabels": {"app": name}});
    let counts = json!({
        "observedGeneration": 1, "replicas": pod_count, "readyReplicas": pod_count, "availableReplicas": pod_count,
    });
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": namespace, "uid": uid(2, number), "creationTimestamp": CREATED, "generation": 1,
            "labels": template["metadata"]["labels"], "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {"replicas": pod_count, "selector": selector, "template": template},
        "status": counts,
    });
    deployment["status"]["updatedReplicas"] = pod_count.into();
    defaults::apply("deployments.apps", &mut deployment);
    note_update(&Value::Null, &mut deployment, &manager("helm", ""));

    let hash = safe_hash(&json!(name));
    object_at(&mut template, &["metadata", "labels"]).insert("pod-template-hash".into(), hash.as_str().into());
    let owner = |api_version: &str, kind: &str, name: &str, uid: String| json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true}]);
    let set_name = format!("{name}-{hash}");
    let mut replica_set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name, "namespace": namespace, "uid": uid(3, number), "creationTimestamp": CREATED, "generation": 1,
            "labels": template["metadata"]["labels"], "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": owner("apps/v1", "Deployment", &name, uid(2, number)),
        },
        "spec": {
            "replicas": pod_count,
            "selector": {"matchLabels": {"app": name, "pod-template-hash": hash}}, "template": template,
        },
        "status": counts,
    });
    note_update(&Value::Null, &mut replica_set, &manager("kube-controller-manager", ""));

    let pods = (number..options.pods)
        .step_by(options.deployments.max(1))
        .map(|pod_number| {
            let mut spec = template["spec"].clone();
            spec["nodeName"] = format!("load-node-{}", pod_number % options.nodes.max(1)).into();
            let suffix = safe_hash(&json!(pod_number)).chars().take(5).collect::<String>();
            let mut pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    // The number makes the name unique whatever the hash does.
                    "name": format!("{set_name}-{suffix}{pod_number}"), "generateName": format!("{set_name}-"), "namespace": namespace,
                    "uid": uid(4, pod_number), "creationTimestamp": CREATED, "generation": 1,
                    "labels": template["metadata"]["labels"],
                    "annotations": {"prometheus.io/port": "9090", "prometheus.io/scrape": "true"},
                    "ownerReferences": owner("apps/v1", "ReplicaSet", &set_name, uid(3, number)),
                },
                "spec": spec,
            });
            note_update(&Value::Null, &mut pod, &manager("kube-controller-manager", ""));
            let before = pod.clone();
            pod["status"] = status(pod_number, image, sidecar);
            note_update(&before, &mut pod, &manager("kubelet", "status"));
            pod
        })
        .collect();
    Workload { deployment, replica_set, pods }
}

/// Fills a simulated server, and makes the bytes of all lists ready, so that a measured client waits for nothing.
pub fn fill(server: &ApiServer, options: &LoadOptions, images: &[LoadImage]) {
    let store = &server.store;
    let numbers: Vec<usize> = (0..options.deployments.max(1)).collect();
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let workloads: Vec<Workload> = std::thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(numbers.len().div_ceil(threads).max(1))
            .map(|part| {
                scope.spawn(move || part.iter().map(|number| workload(options, images, *number)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    });
    let (mut deployments, mut replica_sets, mut pods) = (Vec::new(), Vec::new(), Vec::new());
    for workload in workloads {
        deployments.push(workload.deployment);
        replica_sets.push(workload.replica_set);
        pods.extend(workload.pods);
    }
    store.load("nodes", nodes(options));
    store.load("deployments.apps", deployments);
    store.load("replicasets.apps", replica_sets);
    store.load("pods", pods);
    let (_, pods) = store.list("pods", None);
    std::thread::scope(|scope| {
        for part in pods.chunks(pods.len().div_ceil(threads).max(1)) {
            scope.spawn(move || part.iter().for_each(|pod| drop(pod.item_deflated().blocks.clone())));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_of_the_load_is_of_realistic_size() {
        let image = |name: &str| LoadImage {
            reference: format!("127.0.0.1:40001/team-3/{name}:1.0"),
            running_digest: format!("sha256:{}", "a".repeat(64)),
            is_stale: false,
        };
        let options = LoadOptions { pods: 10, deployments: 5, ..LoadOptions::default() };
        let workload = workload(&options, &[image("service-1"), image("proxy")], 1);
        assert_eq!(workload.pods.len(), 2);
        let size = workload.pods[0].to_string().len();
        assert!((7_000..9_500).contains(&size), "{size}");
    }
}
