//! A loopback listener that can be stopped and started again on the same port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use tokio::task::JoinHandle;

/// A running or stopped server of one router.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    running: Option<(Handle<SocketAddr>, JoinHandle<io::Result<()>>)>,
}

impl Listener {
    /// Takes a free port and serves there.
    pub(crate) async fn start(router: Router, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let mut listener = Self { address: socket.local_addr()?, router, tls, running: None };
        listener.serve(socket)?;
        Ok(listener)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn serve(&mut self, socket: TcpListener) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let handle = Handle::new();
        let service = self.router.clone().into_make_service();
        let task = match &self.tls {
            None => tokio::spawn(axum_server::from_tcp(socket)?.handle(handle.clone()).serve(service)),
            Some(config) => {
                let config = RustlsConfig::from_config(Arc::clone(config));
                tokio::spawn(axum_server::from_tcp_rustls(socket, config)?.handle(handle.clone()).serve(service))
            }
        };
        self.running = Some((handle, task));
        Ok(())
    }

    /// Closes the port and cuts every connection.
    pub(crate) async fn stop(&mut self) {
        if let Some((handle, task)) = self.running.take() {
            handle.shutdown();
            // The task ends by itself after a shutdown; waiting makes sure that the port is closed.
            let _ = task.await;
        }
    }

    /// Serves on the same port again.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut last = io::Error::other("never tried");
        // Another process may hold the port for a moment as the local end of a connection.
        for _ in 0..50 {
            match TcpListener::bind(self.address) {
                Ok(socket) => return self.serve(socket),
                Err(error) => last = error,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(last)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((handle, task)) = self.running.take() {
            handle.shutdown();
            task.abort();
        }
    }
}
