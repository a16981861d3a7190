//! How things are called on the terminal: workloads, containers, counts, ages.

use jiff::Timestamp;

use super::layout::shorten_image;
use crate::domain::diagnosis::{ContainerName, PodCounts, WorkloadName};
use crate::domain::workload::Role;
use crate::text::printable;

/// `deployment/web`, `rollout.argoproj.io/web`: what a person types behind `kubectl get`. Kubernetes' own kinds are
/// known without their group.
#[must_use]
pub fn workload(name: &WorkloadName) -> String {
    let group = group(name);
    let kind = name.kind.to_lowercase();
    // A group with a dot is a CRD's or one of the `k8s.io` groups, whose kinds run no pods.
    let text =
        if group.contains('.') { format!("{kind}.{group}/{}", name.name) } else { format!("{kind}/{}", name.name) };
    printable(&text).into_owned()
}

/// `deployment.apps/web`, `pod/web`: as `kubectl get -o name` prints it.
#[must_use]
pub fn workload_in_full(name: &WorkloadName) -> String {
    let group = group(name);
    let kind = name.kind.to_lowercase();
    let text = if group.is_empty() { format!("{kind}/{}", name.name) } else { format!("{kind}.{group}/{}", name.name) };
    printable(&text).into_owned()
}

fn group(name: &WorkloadName) -> &str {
    name.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// An image's name, without its first parts where it is longer than so many columns.
#[must_use]
pub fn image(name: &str, limit: usize) -> String {
    printable(&shorten_image(name, limit)).into_owned()
}

/// `app`, `migrate (init)`.
#[must_use]
pub fn container(name: &ContainerName) -> String {
    let text = match role(name.role) {
        "" => name.name.to_string(),
        role => format!("{} ({role})", name.name),
    };
    printable(&text).into_owned()
}

/// The word beside a container that is no ordinary one.
fn role(role: Role) -> &'static str {
    match role {
        Role::Container => "",
        Role::Init => "init",
        Role::Sidecar => "sidecar",
        Role::Ephemeral => "ephemeral",
        Role::Volume => "volume",
    }
}

/// `2/3`, or `-` where there is no pod.
#[must_use]
pub fn pods(counts: PodCounts) -> String {
    if counts.total == 0 { "-".to_owned() } else { format!("{}/{}", counts.matching, counts.total) }
}

/// `1 pod`, `2,000 pods`.
#[must_use]
pub fn counted(count: usize, singular: &str, plural: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { singular } else { plural })
}

/// `12,000`.
#[must_use]
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3d`, `4h10m`: the two steps of precision that kubectl's AGE column has.
#[must_use]
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let years = days / 365;
    let pair = |large: i64, large_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit}{small}{small_unit}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        _ if years < 2 => format!("{days}d"),
        _ if years < 8 => pair(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(api_version: &str, kind: &str) -> WorkloadName {
        WorkloadName { api_version: api_version.into(), kind: kind.into(), name: "web".into() }
    }

    #[test]
    fn workloads_are_called_as_kubectl_calls_them() {
        for (api_version, kind, short, full) in [
            ("apps/v1", "Deployment", "deployment/web", "deployment.apps/web"),
            ("batch/v1", "CronJob", "cronjob/web", "cronjob.batch/web"),
            ("v1", "Pod", "pod/web", "pod/web"),
            ("argoproj.io/v1alpha1", "Rollout", "rollout.argoproj.io/web", "rollout.argoproj.io/web"),
        ] {
            assert_eq!(workload(&named(api_version, kind)), short);
            assert_eq!(workload_in_full(&named(api_version, kind)), full);
        }
    }

    #[test]
    fn large_counts_are_readable() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(1, "pod", "pods"), "1 pod");
        assert_eq!(counted(0, "pod", "pods"), "0 pods");
    }

    #[test]
    fn ages_read_like_kubectls() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (seconds, text) in [
            (-5, "0s"),
            (119, "119s"),
            (130, "2m10s"),
            (180, "3m"),
            (3600, "60m"),
            (11_400, "3h10m"),
            (86_400, "24h"),
            (3 * 86_400, "3d"),
            (3 * 86_400 + 3600, "3d1h"),
            (100 * 86_400, "100d"),
            (3 * 365 * 86_400, "3y"),
            (9 * 365 * 86_400, "9y"),
        ] {
            assert_eq!(age(now - jiff::SignedDuration::from_secs(seconds), now), text);
        }
    }
}
