//! Which proxy stands before the API server.
//!
//! kube matches `NO_PROXY` against the proxy's own address and refuses to start over an entry that it
//! does not understand; these are the rules of Go's `httpproxy`, which kubectl follows.

use std::net::IpAddr;

use http::Uri;

use super::environment::Environment;

/// The proxy for `server` by the environment; `proxy-url` of a kubeconfig goes before it and knows no
/// exceptions.
pub(super) fn from_environment(environment: &Environment, server: &Uri) -> Option<Uri> {
    let secure = server.scheme_str() == Some("https");
    let proxy = if secure { environment.https_proxy.as_deref() } else { environment.http_proxy.as_deref() }?;
    let host = server.host()?;
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if goes_direct(host, port, environment.no_proxy.as_deref().unwrap_or_default()) {
        return None;
    }
    parse(proxy)
}

/// A proxy's address; without a scheme it is `http`, and `socks5h` is what kube calls `socks5`.
pub(super) fn parse(proxy: &str) -> Option<Uri> {
    let proxy = proxy.trim();
    let text = match proxy.split_once("://") {
        None => format!("http://{proxy}"),
        Some(("socks5h", rest)) => format!("socks5://{rest}"),
        Some(_) => proxy.to_owned(),
    };
    text.parse::<Uri>().ok().filter(|uri| uri.host().is_some())
}

fn goes_direct(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return address.is_some_and(|address| in_network(address, network, bits));
        }
        let (name, entry_port) = split_port(&entry);
        if entry_port.is_some_and(|entry_port| entry_port != port) {
            return false;
        }
        if let Ok(entry_address) = name.parse::<IpAddr>() {
            return address == Some(entry_address);
        }
        let name = name.strip_prefix('*').unwrap_or(name);
        match name.strip_prefix('.') {
            // `.example.com` is for what is below it, `example.com` for itself too.
            Some(_) => host.ends_with(name),
            None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
        }
    })
}

/// `host:port`, `[v6]:port`, or an address without a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((name, port)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (name, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or_default();
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or_default();
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_matched_against_the_server_as_go_does() {
        for (host, no_proxy, direct) in [
            ("api.example.com", "", false),
            ("localhost", "", true),
            ("127.0.0.1", "", true),
            ("[::1]", "", true),
            ("api.example.com", "*", true),
            ("api.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("example.com", ".example.com", false),
            ("api.example.com", " .Example.com ,other", true),
            ("api.example.com", "*.example.com", true),
            ("badexample.com", "example.com", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("[fd00::1]", "fd00::/8", true),
            ("api.example.com", "api.example.com:6443", true),
            ("api.example.com", "api.example.com:443", false),
            ("api.example.com", "[::1", false),
            ("api.example.com", "10.0.0.0/99,%%,://", false),
        ] {
            assert_eq!(goes_direct(host, 6443, no_proxy), direct, "{host} with NO_PROXY={no_proxy}");
        }
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_proxy() {
        let environment = Environment {
            https_proxy: Some("proxy.example.com:3128".to_owned()),
            http_proxy: Some("http://plain.example.com".to_owned()),
            ..Environment::default()
        };
        let of = |server: &'static str| {
            from_environment(&environment, &Uri::from_static(server)).map(|uri| uri.host().unwrap().to_owned())
        };
        assert_eq!(of("https://api.example.com:6443").as_deref(), Some("proxy.example.com"));
        assert_eq!(of("http://api.example.com").as_deref(), Some("plain.example.com"));
        assert_eq!(of("https://127.0.0.1:6443"), None);
        assert_eq!(parse("socks5h://p:1080").unwrap().scheme_str(), Some("socks5"));
    }
}
