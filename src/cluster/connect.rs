//! From flags, environment and kubeconfig to a client.
//!
//! kube's `Config` is filled here and not inferred by kube, because its own way reads the proxy and the
//! in-cluster variables from the process, fails on missing files of a `KUBECONFIG` list, and runs
//! credential plugins three times.

use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderValue, Uri, header};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt as _;
use kube::config::{AuthInfo, Cluster as ClusterEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::environment::{ConnectOptions, Environment};
use super::transport::Transport;
use super::{credential_plugin, kubeconfig, proxy};
use crate::error::AppError;
use crate::text::excerpt;

/// Never with the name of a well-known download tool in it: the API server indents its answers for
/// those, twice the bytes.
const USER_AGENT: &str = concat!("kubectl-freshimage/", env!("CARGO_PKG_VERSION"));
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The connection and the namespace that goes with it. Nothing is sent yet.
pub(super) async fn connect(options: &ConnectOptions) -> Result<(Transport, String), AppError> {
    let files = kubeconfig::read(options)?;
    let (mut config, namespace) = match files {
        None if options.server.is_none() => {
            if let Some(name) = &options.context {
                return Err(AppError::failed(format!("context `{}` does not exist", excerpt(name, 100)))
                    .because("there is no kubeconfig"));
            }
            in_cluster(options)?
        }
        files => {
            let mut chosen = kubeconfig::choose(files, options)?;
            credential_plugin::resolve(&mut chosen.user, &chosen.cluster).await?;
            (from_entries(chosen.cluster, chosen.user, &options.environment)?, chosen.namespace)
        }
    };
    config.default_retry = false;
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
    let server = match &config.proxy_url {
        Some(proxy) => format!("{} (by the proxy {})", host_and_port(&config.cluster_url), host_and_port(proxy)),
        None => host_and_port(&config.cluster_url),
    };
    if is_loopback(&config.cluster_url) {
        // Lists come compressed only to those who ask. Over a network a tenth of the bytes is worth it; on
        // the same machine 10,000 pods take 0.35 s plain and 0.43 s compressed.
        config.disable_compression = true;
    }
    let namespace = options.namespace.clone().or(namespace).unwrap_or_else(|| "default".to_owned());
    let client = client(config).map_err(|error| unprepared(&server, &error))?;
    // `0` is kubectl's word for no limit.
    let request_timeout = options.request_timeout.filter(|timeout| !timeout.is_zero());
    Ok((Transport::new(client, server, request_timeout), namespace))
}

/// kube's stack on a connector without Nagle's delay, which kube leaves on: it costs every new TLS
/// connection 40 ms, as long as a whole small run takes. Behind a proxy it is left to kube.
fn client(config: Config) -> Result<kube::Client, kube::Error> {
    if config.proxy_url.is_some() {
        return kube::Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace))
}

fn from_entries(cluster: ClusterEntry, user: AuthInfo, environment: &Environment) -> Result<Config, AppError> {
    let server = cluster.server.clone().unwrap_or_default();
    let wants_tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify.is_some()
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    let url = server_url(&server, wants_tls)?;
    let mut config = Config::new(url.clone());
    config.root_cert = authority(&cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.disable_compression = cluster.disable_compression.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    config.proxy_url = match cluster.proxy_url.as_deref().filter(|proxy| !proxy.is_empty()) {
        // Its text may hold a password.
        Some(text) => Some(proxy::parse(text).ok_or_else(|| {
            AppError::failed("the kubeconfig's `proxy-url` is no address")
                .hint("it looks like `http://proxy.example.com:3128`")
        })?),
        None => proxy::from_environment(environment, &url),
    };
    config.auth_info = user;
    Ok(config)
}

/// Adds the scheme that kubectl would: `https` if anything about TLS is configured.
fn server_url(server: &str, wants_tls: bool) -> Result<Uri, AppError> {
    let server = server.trim();
    let text = if server.contains("://") {
        server.to_owned()
    } else {
        format!("{}://{server}", if wants_tls { "https" } else { "http" })
    };
    text.parse::<Uri>()
        .ok()
        .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()))
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| {
            AppError::failed(format!("the server's address is malformed: `{}`", excerpt(server, 200)))
                .hint("it looks like `https://10.0.0.1:6443`")
        })
}

fn authority(cluster: &ClusterEntry) -> Result<Option<Vec<Vec<u8>>>, AppError> {
    use base64::Engine as _;
    let unreadable =
        |why: String| AppError::failed("failed to read the certificate authority").because(excerpt(&why, 200));
    let pem = if let Some(data) = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty()) {
        base64::engine::general_purpose::STANDARD
            .decode(data.trim())
            .map_err(|error| unreadable(format!("`certificate-authority-data` is not base64: {error}")))?
    } else if let Some(path) = cluster.certificate_authority.as_deref().filter(|path| !path.is_empty()) {
        fs::read(path).map_err(|error| unreadable(format!("`{path}`: {error}")))?
    } else {
        return Ok(None);
    };
    certificates(&pem).map(Some).map_err(unreadable)
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let certificates: Result<Vec<Vec<u8>>, _> =
        CertificateDer::pem_slice_iter(pem).map(|certificate| certificate.map(|der| der.to_vec())).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err("there is no certificate in it".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

/// What every pod is given: the server in two variables; token, authority and namespace in files.
fn in_cluster(options: &ConnectOptions) -> Result<(Config, Option<String>), AppError> {
    let environment = &options.environment;
    let folder: PathBuf =
        environment.service_account.clone().unwrap_or_else(|| Path::new(SERVICE_ACCOUNT).to_path_buf());
    let token = folder.join("token");
    let (Some(host), Some(port)) = (&environment.service_host, &environment.service_port) else {
        return Err(no_configuration());
    };
    if !token.is_file() {
        return Err(no_configuration());
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let mut config = Config::new(server_url(&format!("https://{host}:{port}"), true)?);
    let authority = folder.join("ca.crt");
    let pem = fs::read(&authority).map_err(|error| {
        AppError::failed(format!("failed to read `{}`", authority.display())).because(error.to_string())
    })?;
    config.root_cert = Some(certificates(&pem).map_err(|why| {
        AppError::failed(format!("failed to read `{}`", authority.display())).because(excerpt(&why, 200))
    })?);
    config.auth_info = AuthInfo { token_file: Some(token.display().to_string()), ..AuthInfo::default() };
    config.auth_info.token = options.token.clone().map(Into::into);
    config.auth_info.impersonate = options.impersonate_user.clone();
    config.auth_info.impersonate_uid = options.impersonate_uid.clone();
    config.auth_info.impersonate_groups = Some(options.impersonate_groups.clone()).filter(|groups| !groups.is_empty());
    let namespace = environment.pod_namespace.clone().or_else(|| fs::read_to_string(folder.join("namespace")).ok());
    Ok((config, namespace.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())))
}

fn no_configuration() -> AppError {
    AppError::failed("no cluster to talk to")
        .because("there is no kubeconfig, and this does not run in a pod")
        .hint("name a kubeconfig with `--kubeconfig` or KUBECONFIG, or put it at ~/.kube/config")
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// For messages: without the user and password that an address may hold.
fn host_and_port(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Every error of the chain: the innermost alone would not say which file there is not.
fn unprepared(server: &str, error: &kube::Error) -> AppError {
    let mut told = AppError::failed(format!("failed to prepare the connection to `{server}`"));
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        told = told.because(excerpt(&error.to_string(), 200));
        next = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_scheme_is_guessed_as_kubectl_does() {
        assert_eq!(server_url("10.0.0.1:6443", true).unwrap().to_string(), "https://10.0.0.1:6443/");
        assert_eq!(server_url("localhost:8080", false).unwrap().to_string(), "http://localhost:8080/");
        let prefixed = server_url("https://rancher.example.com/k8s/clusters/c-1/", true).unwrap();
        assert_eq!(prefixed.path(), "/k8s/clusters/c-1/");
        for bad in ["", "https://", "ftp://a", "http://a b"] {
            assert!(server_url(bad, true).unwrap_err().message.contains("malformed"), "{bad}");
        }
    }

    fn kubeconfig(folder: &Path, server: &str, cluster: &str, user: &str) -> ConnectOptions {
        let path = folder.join("config");
        let text = format!(
            "current-context: a\nclusters: [{{name: a, cluster: {{server: '{server}', {cluster}}}}}]\n\
             users: [{{name: a, user: {{{user}}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n"
        );
        fs::write(&path, text).unwrap();
        ConnectOptions { kubeconfig: Some(path), ..ConnectOptions::default() }
    }

    #[tokio::test]
    async fn no_error_shows_the_password_in_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let proxy = "proxy-url: 'http://dev:s3cr3t and more@proxy.example.com'";
        let options = kubeconfig(folder.path(), "https://api.example.com", proxy, "");
        let error = connect(&options).await.err().unwrap();
        assert!(error.message.contains("proxy-url") && !format!("{error:?}").contains("s3cr3t"), "{error:?}");

        let options = kubeconfig(folder.path(), "http://dev:s3cr3t@api.example.com:1", "", "tokenFile: /nope");
        let error = connect(&options).await.err().unwrap();
        assert_eq!(error.message, "failed to prepare the connection to `api.example.com:1`");
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
        let proxy = "proxy-url: 'http://dev:s3cr3t@proxy.example.com:3128'";
        let options = kubeconfig(folder.path(), "http://api.example.com", proxy, "tokenFile: /nope");
        let error = connect(&options).await.err().unwrap();
        let expected = "failed to prepare the connection to `api.example.com (by the proxy proxy.example.com:3128)`";
        assert_eq!(error.message, expected);
    }

    #[tokio::test]
    async fn a_token_file_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let options = kubeconfig(folder.path(), "http://api.example.com", "", "tokenFile: /nope/token");
        let error = connect(&options).await.err().unwrap();
        assert!(error.causes.iter().any(|cause| cause.contains("/nope/token")), "{error:?}");
    }

    #[tokio::test]
    async fn without_any_configuration_the_way_out_is_told() {
        let error = connect(&ConnectOptions::default()).await.err().unwrap();
        assert_eq!(error.message, "no cluster to talk to");
        assert!(error.hints[0].contains("--kubeconfig"));
    }

    #[tokio::test]
    async fn a_context_without_any_kubeconfig_does_not_exist() {
        let options = ConnectOptions { context: Some("x".to_owned()), ..ConnectOptions::default() };
        assert_eq!(connect(&options).await.err().unwrap().message, "context `x` does not exist");
    }

    #[tokio::test]
    async fn in_a_pod_the_service_account_is_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "t").unwrap();
        fs::write(folder.path().join("namespace"), "tools\n").unwrap();
        let options = ConnectOptions {
            environment: Environment {
                service_host: Some("10.0.0.1".to_owned()),
                service_port: Some("443".to_owned()),
                service_account: Some(folder.path().to_owned()),
                ..Environment::default()
            },
            ..ConnectOptions::default()
        };
        let error = connect(&options).await.err().unwrap();
        assert!(error.message.contains("ca.crt"), "{error:?}");
        fs::write(folder.path().join("ca.crt"), "no certificate").unwrap();
        let error = connect(&options).await.err().unwrap();
        assert_eq!(error.causes, ["there is no certificate in it"]);
    }
}
