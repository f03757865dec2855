//! Shared by the Rust servers that Callgate is compared with: the replies of the calls, and serving over the same TLS.

pub mod users;

use std::net::SocketAddr;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use serde::Serialize;
use serde_json::{Map, Value};

/// A JSON object that preserves the order of its keys.
pub type Object = Map<String, Value>;

/// The reply of a call.
#[derive(Serialize)]
pub struct Answer {
    ok: bool,
    msg: String,
}

impl Answer {
    pub fn new(msg: String) -> Self {
        Self { ok: true, msg }
    }
}

/// The reply of `auth_func`.
pub fn auth_func(object: &Object, user_id: &str) -> Answer {
    let object = serde_json::to_string(object).unwrap_or_default();
    Answer::new(format!("auth_func({object}),user_id={user_id}"))
}

/// Serves `router` over HTTPS. The first three command-line arguments are the address, the certificate and the key.
pub async fn serve(router: Router) -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("arguments: <address> <certificate> <key> ...");
    let address: SocketAddr = next()?.parse()?;
    let (certificate, key) = (next()?, next()?);
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| "there is a provider of cryptography already")?;
    let tls = RustlsConfig::from_pem_file(certificate, key).await?;
    axum_server::bind_rustls(address, tls)
        .serve(router.into_make_service())
        .await?;
    Ok(())
}
