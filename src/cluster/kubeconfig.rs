//! The kubeconfig files, merged as kubectl merges them, and the context that the flags choose from them.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};

use super::environment::ConnectOptions;
use crate::error::AppError;
use crate::text::excerpt;

/// Which server, as whom, and in which namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    pub(super) cluster: Cluster,
    pub(super) user: AuthInfo,
    pub(super) namespace: Option<String>,
}

/// Reads the files that the flags and the environment name. `None` if there is nothing in them.
pub(super) fn read(options: &ConnectOptions) -> Result<Option<Kubeconfig>, AppError> {
    if let Some(path) = &options.kubeconfig {
        return read_file(path)?.map(Some).ok_or_else(|| {
            AppError::failed(format!("failed to read the kubeconfig `{}`", path.display()))
                .because("there is no such file")
                .hint("`--kubeconfig` names one file; leave it out to use KUBECONFIG or ~/.kube/config")
        });
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in paths(options) {
        // kubectl skips files of the list that are missing; kube does not.
        let Some(next) = read_file(&path)? else { continue };
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| {
                AppError::failed(format!("failed to merge the kubeconfig `{}` with those before it", path.display()))
                    .because(excerpt(&error.to_string(), 200))
            })?,
        });
    }
    let empty =
        |config: &Kubeconfig| config.contexts.is_empty() && config.clusters.is_empty() && config.auth_infos.is_empty();
    Ok(merged.filter(|config| !empty(config)))
}

fn paths(options: &ConnectOptions) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = match &options.environment.kubeconfig {
        Some(list) => env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => Vec::new(),
    };
    if listed.is_empty() {
        return options.environment.home.iter().map(|home| home.join(".kube").join("config")).collect();
    }
    listed
}

/// `None` if there is no such file.
fn read_file(path: &Path) -> Result<Option<Kubeconfig>, AppError> {
    match Kubeconfig::read_from(path) {
        Ok(config) => Ok(Some(config)),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let failed = AppError::failed(format!("failed to read the kubeconfig `{}`", path.display()));
            Err(match &error {
                KubeconfigError::ReadConfig(error, _) => failed.because(excerpt(&error.to_string(), 200)),
                KubeconfigError::Parse(error) => failed
                    .because(malformed(error))
                    .hint(format!("`kubectl config view --kubeconfig {}` checks it", path.display())),
                other => failed.because(excerpt(&other.to_string(), 200)),
            })
        }
    }
}

/// The line and what is wrong with it, but never the line itself: it may hold a token.
fn malformed(error: &serde_saphyr::Error) -> String {
    let bare = error.without_snippet();
    let words = excerpt(&bare.to_string(), 200);
    match error.location() {
        Some(location) if !words.contains("line ") => format!("line {}: {words}", location.line()),
        _ => words,
    }
}

/// Applies the flags: they go before what the files say, as with kubectl.
pub(super) fn choose(config: Option<Kubeconfig>, options: &ConnectOptions) -> Result<Chosen, AppError> {
    let config = config.unwrap_or_default();
    let mut chosen = Chosen::default();
    let current = options.context.clone().or_else(|| config.current_context.clone().filter(|name| !name.is_empty()));
    let context = match &current {
        Some(name) => Some(
            config
                .contexts
                .iter()
                .find(|named| named.name == *name)
                .and_then(|named| named.context.clone())
                .ok_or_else(|| missing("context", name, config.contexts.iter().map(|named| &named.name)))?,
        ),
        None => None,
    };
    let cluster = options.cluster.as_ref().or(context.as_ref().map(|context| &context.cluster));
    if let Some(name) = cluster.filter(|name| !name.is_empty()) {
        let found = config.clusters.iter().find(|named| named.name == *name);
        chosen.cluster = found
            .and_then(|named| named.cluster.clone())
            .ok_or_else(|| missing("cluster", name, config.clusters.iter().map(|named| &named.name)))?;
    }
    let user = options.user.as_ref().or(context.as_ref().and_then(|context| context.user.as_ref()));
    if let Some(name) = user.filter(|name| !name.is_empty()) {
        let found = config.auth_infos.iter().find(|named| named.name == *name);
        chosen.user = match found.and_then(|named| named.auth_info.clone()) {
            Some(user) => user,
            // A context whose user is missing is an anonymous one; a flag that names none is a mistake.
            None if options.user.is_none() => AuthInfo::default(),
            None => return Err(missing("user", name, config.auth_infos.iter().map(|named| &named.name))),
        };
    }
    chosen.namespace = context.and_then(|context| context.namespace).filter(|name| !name.is_empty());
    override_cluster(&mut chosen.cluster, options);
    override_user(&mut chosen.user, options)?;
    if chosen.cluster.server.as_deref().is_none_or(str::is_empty) {
        let error = AppError::failed("no cluster to talk to");
        return Err(match current {
            Some(name) => error
                .because(format!("the context `{}` names no server", excerpt(&name, 100)))
                .hint("`kubectl config view` shows the clusters that are known"),
            None => error.because("no context is chosen").hint(
                "choose one with `--context` or `kubectl config use-context`; `kubectl config get-contexts` lists them",
            ),
        });
    }
    Ok(chosen)
}

fn missing<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n String>) -> AppError {
    let known: Vec<String> = known.map(|name| format!("`{}`", excerpt(name, 60))).collect();
    let error = AppError::failed(format!("{what} `{}` does not exist in the kubeconfig", excerpt(name, 100)));
    if known.is_empty() { error } else { error.hint(format!("there is {}", known.join(", "))) }
}

fn override_cluster(cluster: &mut Cluster, options: &ConnectOptions) {
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
    }
    if options.server.is_some() || options.tls_server_name.is_some() {
        // The name in the file belongs to the server in the file.
        cluster.tls_server_name = options.tls_server_name.clone();
    }
    if let Some(path) = &options.certificate_authority {
        cluster.certificate_authority = Some(path.display().to_string());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
}

fn override_user(user: &mut AuthInfo, options: &ConnectOptions) -> Result<(), AppError> {
    if let Some(token) = &options.token {
        user.token = Some(token.clone().into());
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
        user.username = None;
        user.password = None;
    }
    if let Some(path) = &options.client_certificate {
        user.client_certificate = Some(path.display().to_string());
        user.client_certificate_data = None;
    }
    if let Some(path) = &options.client_key {
        user.client_key = Some(path.display().to_string());
        user.client_key_data = None;
    }
    if let Some(name) = &options.impersonate_user {
        user.impersonate = Some(name.clone());
        user.impersonate_groups = None;
        user.impersonate_uid = None;
        user.impersonate_user_extra = None;
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if let Some(uid) = &options.impersonate_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    if user.impersonate.is_none() && (user.impersonate_groups.is_some() || user.impersonate_uid.is_some()) {
        return Err(AppError::usage("`--as-group` and `--as-uid` need `--as`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::Environment;

    const FIRST: &str = "
current-context: one
clusters: [{name: a, cluster: {server: 'https://a.example.com', tls-server-name: inner}}]
users: [{name: u, user: {token: first}}]
contexts: [{name: one, context: {cluster: a, user: u, namespace: shop}}]
";
    const SECOND: &str = "
current-context: two
clusters: [{name: a, cluster: {server: 'https://never.example.com'}}, {name: b, cluster: {server: 'https://b.example.com', certificate-authority: ca.crt}}]
users: [{name: u, user: {token: second}}, {name: v, user: {tokenFile: v.token}}]
contexts: [{name: two, context: {cluster: b, user: v}}, {name: odd, context: {cluster: none, user: v}}]
";

    fn options(folder: &Path) -> ConnectOptions {
        fs::write(folder.join("first"), FIRST).unwrap();
        fs::write(folder.join("second"), SECOND).unwrap();
        let list =
            env::join_paths([folder.join("missing"), PathBuf::new(), folder.join("first"), folder.join("second")]);
        ConnectOptions {
            environment: Environment { kubeconfig: list.ok(), ..Environment::default() },
            ..ConnectOptions::default()
        }
    }

    fn chosen(options: &ConnectOptions) -> Result<Chosen, AppError> {
        choose(read(options)?, options)
    }

    #[test]
    fn the_first_file_wins_and_missing_ones_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = chosen(&options(folder.path())).unwrap();
        assert_eq!(chosen.cluster.server.as_deref(), Some("https://a.example.com"));
        assert_eq!(chosen.namespace.as_deref(), Some("shop"));
        assert!(chosen.user.token.is_some());
    }

    #[test]
    fn flags_go_before_files_and_paths_are_relative_to_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let two = ConnectOptions { context: Some("two".to_owned()), ..options(folder.path()) };
        let chosen_two = chosen(&two).unwrap();
        assert_eq!(chosen_two.cluster.server.as_deref(), Some("https://b.example.com"));
        let authority = folder.path().join("ca.crt").display().to_string();
        assert_eq!(chosen_two.cluster.certificate_authority.as_deref(), Some(authority.as_str()));
        assert_eq!(chosen_two.namespace, None);

        let server = ConnectOptions { server: Some("https://c.example.com".to_owned()), ..options(folder.path()) };
        let chosen_server = chosen(&server).unwrap();
        assert_eq!(chosen_server.cluster.server.as_deref(), Some("https://c.example.com"));
        assert_eq!(chosen_server.cluster.tls_server_name, None, "the name belongs to the file's server");

        let insecure = ConnectOptions { insecure_skip_tls_verify: true, token: Some("x".to_owned()), ..two };
        let chosen_insecure = chosen(&insecure).unwrap();
        assert_eq!(chosen_insecure.cluster.certificate_authority, None);
        assert_eq!(chosen_insecure.user.token_file, None);
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error_with_those_that_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = chosen(&ConnectOptions { context: Some("x".to_owned()), ..options(folder.path()) }).unwrap_err();
        assert_eq!(error.message, "context `x` does not exist in the kubeconfig");
        assert_eq!(error.hints, ["there is `one`, `two`, `odd`"]);
        let error = chosen(&ConnectOptions { context: Some("odd".to_owned()), ..options(folder.path()) }).unwrap_err();
        assert_eq!(error.message, "cluster `none` does not exist in the kubeconfig");
        let error = chosen(&ConnectOptions { user: Some("x".to_owned()), ..options(folder.path()) }).unwrap_err();
        assert_eq!(error.message, "user `x` does not exist in the kubeconfig");
        let missing = ConnectOptions { kubeconfig: Some(folder.path().join("nope")), ..options(folder.path()) };
        assert_eq!(chosen(&missing).unwrap_err().causes, ["there is no such file"]);
    }

    #[test]
    fn a_malformed_file_is_named_with_its_line_and_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad");
        fs::write(&path, "contexts: []\nusers:\n- name: u\n  user: {token: [s3cr3t]}\n").unwrap();
        let error = read(&ConnectOptions { kubeconfig: Some(path.clone()), ..ConnectOptions::default() }).unwrap_err();
        assert!(error.message.contains(&path.display().to_string()), "{error:?}");
        assert!(error.causes[0].contains("line 4"), "{error:?}");
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }

    #[test]
    fn groups_without_a_user_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let options = ConnectOptions { impersonate_groups: vec!["g".to_owned()], ..options(folder.path()) };
        assert_eq!(chosen(&options).unwrap_err().kind, crate::error::Kind::Usage);
    }
}
