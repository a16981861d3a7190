//! A registry that has another name outside the cluster: what the ConfigMap `local-registry-hosting` says of it, by the
//! convention that local clusters share (KEP-1755).

use std::sync::Arc;

use super::reference::is_registry_host;
use crate::text::excerpt;

/// The names of the one registry of a local cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRegistry {
    /// `host`: its name on the machine that the cluster runs on.
    pub host: Arc<str>,
    /// `hostFromClusterNetwork` and `hostFromContainerRuntime`: what pods and nodes call it.
    inside: Vec<Arc<str>>,
    /// `help`: where it is said how to set it up. Cleaned and cut short.
    pub help: Option<String>,
}

impl LocalRegistry {
    /// Takes the values as they stand in the ConfigMap; empty ones count as absent. `None` where there is no `host`, or no
    /// other name beside it.
    ///
    /// # Errors
    /// Which of them is no host.
    pub fn new(host: &str, inside: &[(&str, &str)], help: &str) -> Result<Option<Self>, String> {
        let checked = |key: &str, value: &str| -> Result<Option<Arc<str>>, String> {
            let value = value.trim();
            match value {
                "" => Ok(None),
                _ if is_registry_host(value) => Ok(Some(value.to_ascii_lowercase().into())),
                // Without the value: it may hold a password.
                _ => Err(format!("its `{key}` is no registry's host")),
            }
        };
        let Some(host) = checked("host", host)? else { return Ok(None) };
        let mut names = Vec::new();
        for (key, value) in inside {
            names.extend(checked(key, value)?.filter(|name| *name != host));
        }
        let help = Some(excerpt(help, 200)).filter(|help| !help.is_empty());
        Ok((!names.is_empty()).then_some(Self { host, inside: names, help }))
    }

    /// Whether this is what the cluster calls it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.inside.iter().any(|inside| inside.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, network: &str, runtime: &str) -> Result<Option<LocalRegistry>, String> {
        let inside = [("hostFromClusterNetwork", network), ("hostFromContainerRuntime", runtime)];
        LocalRegistry::new(host, &inside, "")
    }

    #[test]
    fn the_names_inside_lead_to_the_one_outside() {
        let found = of("localhost:5001", "kind-registry:5000", "Registry.localhost:5000").unwrap().unwrap();
        assert_eq!(&*found.host, "localhost:5001");
        for (name, is_called) in [
            ("kind-registry:5000", true),
            ("registry.localhost:5000", true),
            ("kind-registry", false),
            ("kind-registry:5001", false),
            ("localhost:5001", false),
        ] {
            assert_eq!(found.is_called(name), is_called, "{name}");
        }
    }

    #[test]
    fn what_names_no_other_place_is_nothing() {
        for (host, network, runtime) in
            [("", "", ""), ("", "kind-registry:5000", ""), ("localhost:5001", "", ""), ("a:1", "a:1", "A:1")]
        {
            assert_eq!(of(host, network, runtime), Ok(None), "{host} {network} {runtime}");
        }
    }

    #[test]
    fn what_is_no_host_and_port_is_refused() {
        for wrong in
            ["http://localhost:5001", "a/b", "user@host", "user:pw@host:1", "a b", "a:b", "a:", "-a", "a\u{1b}"]
        {
            assert_eq!(of(wrong, "b:1", "").unwrap_err(), "its `host` is no registry's host", "{wrong}");
            let error = of("localhost:5001", "", wrong).unwrap_err();
            assert_eq!(error, "its `hostFromContainerRuntime` is no registry's host", "{wrong}");
        }
    }

    #[test]
    fn help_is_made_fit_for_a_terminal() {
        let help = format!("see\n\u{1b}[31m {}", "x".repeat(300));
        let found = LocalRegistry::new("a:1", &[("hostFromClusterNetwork", "b:1")], &help).unwrap().unwrap();
        let help = found.help.unwrap();
        assert!(help.starts_with("see \u{fffd}[31m xx") && help.chars().count() == 200, "{help}");
    }
}
