//! The program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Two crates bring rustls; neither may choose the cryptography, so that it is chosen here, once.
    // The only failure is that there is a provider already, and then nothing is left to be done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    kubectl_freshimage::run()
}
