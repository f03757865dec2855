//! Providers behind TLS: only a certificate of the CA in the settings, for the right name and of today, is trusted.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::json;

use super::{
    hostile::Hostile,
    real::{KEY, Person, RealProvider, log_in as log_in_really},
    steps::{SETTINGS, failure, link, log_in, place, section, section_of},
};
use crate::support::{fixture, server::UNTHROTTLED};

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for this name, which ended in the past or ends in the future.
fn serving(ca: &CertifiedIssuer<'static, KeyPair>, name: &str, is_over: bool) -> ServerConfig {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(if is_over { 2021 } else { 2060 }, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

#[tokio::test]
async fn a_provider_whose_certificate_is_foreign_for_another_name_or_over_is_not_talked_to() {
    let (own, foreign) = (ca("own"), ca("foreign"));
    let mut providers = Vec::new();
    for (key, config) in [
        ("foreign", serving(&foreign, "localhost", false)),
        ("name", serving(&own, "other.example", false)),
        ("expired", serving(&own, "localhost", true)),
        ("right", serving(&own, "localhost", false)),
    ] {
        let server = Hostile::start_tls(config).await;
        providers.push((server.issuer(key), server));
    }
    let sections: Vec<String> = providers
        .iter()
        .map(|(issuer, _)| section_of(issuer, "ca_file = \"own.pem\""))
        .collect();
    let place = place(&sections);
    std::fs::write(place.path("own.pem"), own.pem()).unwrap();
    let server = place.demo(&[UNTHROTTLED, &[SETTINGS]].concat()).await;
    for (issuer, _) in &providers {
        link(&server, "user01", &issuer.key, "subject").await;
        let client = server.client();
        if issuer.key == "right" {
            log_in(&client, issuer, "subject").await.assert_leads_to("/account");
        } else {
            let reply = client
                .form(&format!("/login/with/{}", issuer.key), &[("next", "/")])
                .await;
            assert_eq!(failure(&reply).expect(&issuer.key).1, "unreachable", "{}", issuer.key);
            assert!(
                issuer.requests("/.well-known/openid-configuration").is_empty(),
                "{}",
                issuer.key
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_of_a_ca_that_only_the_system_could_know_is_not_trusted_by_itself() {
    let own = ca("own");
    let hostile = Hostile::start_tls(serving(&own, "localhost", false)).await;
    let issuer = hostile.issuer("private");
    let server = super::steps::demo(&[section_of(&issuer, "")]).await;
    let reply = server.client().form("/login/with/private", &[("next", "/")]).await;
    assert_eq!(failure(&reply).expect("a failure").1, "unreachable");
    assert!(server.place.log().contains("certificate"), "{}", server.place.log());
}

#[tokio::test]
async fn a_real_provider_behind_tls_is_trusted_by_its_ca() {
    let certs = fixture::template().join("certs");
    let tls = json!({"tls": {"cert": certs.join("localhost.pem"), "key": certs.join("localhost.key")}});
    let provider = RealProvider::start_with(tls).await;
    assert!(provider.issuer.starts_with("https://localhost:"));
    let ca_file = format!("ca_file = {:?}", certs.join("ca.pem"));
    let place = place(&[section(KEY, &provider.issuer, &ca_file)]);
    let server = place.demo(&[UNTHROTTLED, &[SETTINGS]].concat()).await;
    provider.register(&server, &json!({}));
    link(&server, "user01", KEY, "subject of ada").await;
    let (client, mut person) = (server.client(), Person::with_tls());
    log_in_really(&client, &mut person, "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}
