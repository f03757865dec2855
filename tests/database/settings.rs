//! Databases that the program refuses to use, and what it says then.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::steps::open;
use crate::support::{
    faulty_proxy::FaultyProxy,
    fixture,
    place::{Place, Ran},
    postgres::PostgresServer,
};

/// A place with certificates for HTTPS, which a start looks at first.
fn place() -> Arc<Place> {
    let place = Place::new();
    fixture::copy(&fixture::template().join("certs"), &place.data().join("certs"));
    place
}

const URL: &str = "CALLGATE_DATABASE_URL";
const CA_FILE: &str = "CALLGATE_DATABASE_CA_FILE";

async fn refused(variables: &[(&str, &str)]) -> Ran {
    place().refused(&[], variables).await
}

#[tokio::test]
async fn a_database_that_would_lose_or_refuse_writes_is_refused_with_what_to_do() {
    let server = PostgresServer::shared().await;
    let database = server.create_database().await;
    drop(open(&database.url()).await);
    let name = database.name();
    let alter = async |setting: &str| {
        server
            .execute("postgres", &format!("ALTER DATABASE {name} {setting}"))
            .await;
    };
    let url = database.url();

    alter("SET synchronous_commit = off").await;
    let ran = refused(&[(URL, &url)]).await;
    ran.assert_failed(&[
        "synchronous_commit is off",
        "ALTER ROLE user SET synchronous_commit = on",
    ]);
    alter("RESET synchronous_commit").await;

    // A server waits for another one to take over. A command does not.
    alter("SET default_transaction_read_only = on").await;
    let ran = place().run_with(&["user", "list"], "", &[(URL, &url)]).await;
    ran.assert_failed(&[
        "cannot use the PostgreSQL database",
        "the server is read-only",
        "default_transaction_read_only",
    ]);
    alter("RESET default_transaction_read_only").await;

    // A role that can only read.
    let reader = format!("reader_{name}");
    server.execute("postgres", &format!("CREATE ROLE {reader} LOGIN")).await;
    database
        .execute(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"))
        .await;
    let reader_url = url.replace("callgate@", &format!("{reader}@"));
    let ran = refused(&[(URL, &reader_url)]).await;
    database.execute(&format!("DROP OWNED BY {reader}")).await;
    server.execute("postgres", &format!("DROP ROLE {reader}")).await;
    ran.assert_failed(&["lacks a privilege", "make it the owner of the database and its tables"]);

    let ran = refused(&[(URL, &url.replace(name, "absent"))]).await;
    ran.assert_failed(&["there is no such database", "CREATE DATABASE"]);
    for parameter in ["sslmode=disable", "sslmode=prefer"] {
        let ran = refused(&[(URL, &format!("{url}?{parameter}"))]).await;
        ran.assert_failed(&["sslmode", "TLS is always verified", "database.ca_file"]);
    }
    // Nothing of this has harmed the database.
    drop(open(&url).await);
}

#[tokio::test]
async fn a_standby_before_the_primary_is_passed_over() {
    let primary = PostgresServer::start().await;
    let database = primary.create_database().await;
    drop(open(&database.url()).await);
    let standby = primary.standby().await;
    standby.catch_up_with(&primary).await;
    let hosts = format!("{},{}", standby.address(), primary.address());
    let url = database.url().replace(&primary.address().to_string(), &hosts);
    let ran = place()
        .run_with(&["user", "add", "ada"], "seven small zebras swim", &[(URL, &url)])
        .await;
    assert!(ran.worked, "{}", ran.error);
    assert_eq!(database.number("SELECT count(*) FROM users").await, 1);

    let alone = standby.database(database.name()).url();
    let ran = place().run_with(&["user", "list"], "", &[(URL, &alone)]).await;
    ran.assert_failed(&["the server is read-only: a standby"]);
}

/// A certificate authority, with the certificate and the key of a server of this name.
struct Tls {
    ca: String,
    certificate: String,
    key: String,
}

fn tls(name: &str) -> Tls {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    Tls {
        ca: ca.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_sent_without_it() {
    let server = PostgresServer::start().await;
    let database = server.create_database().await;
    drop(open(&database.url()).await);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| -> PathBuf {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        file
    };
    let (right, other) = (tls("localhost"), tls("other.example"));
    let ca = |name: &str, tls: &Tls| file(name, &tls.ca).to_str().unwrap().to_owned();
    let (right_ca, other_ca) = (ca("right.pem", &right), ca("other.pem", &other));

    let start = async |ca_file: Option<&str>, parts: &[&str]| {
        let proxy = FaultyProxy::start(server.address()).await;
        let url = database.url_at("localhost", proxy.address().port());
        let mut variables = vec![(URL, url.as_str())];
        variables.extend(ca_file.map(|file| (CA_FILE, file)));
        let ran = place().run_with(&["user", "list"], "", &variables).await;
        assert!(proxy.accepted() > 0, "{}", ran.error);
        if parts.is_empty() {
            assert!(ran.worked, "{}", ran.error);
        } else {
            ran.assert_failed(parts);
        }
        for plain in ["callgate", database.name()] {
            assert!(!proxy.has_seen(plain.as_bytes()), "{plain} was sent without encryption");
        }
    };
    // To see that the proxy shows what is not encrypted.
    let proxy = FaultyProxy::start(server.address()).await;
    let url = database.url_at("127.0.0.1", proxy.address().port());
    let ran = place().run_with(&["user", "list"], "", &[(URL, &url)]).await;
    assert!(
        ran.worked && proxy.has_seen(database.name().as_bytes()),
        "{}",
        ran.error
    );

    let no_tls = ["there is no verified TLS to the server", "database.ca_file"];
    start(Some(&right_ca), &no_tls).await;
    start(None, &no_tls).await;
    for (served, ca_file, parts) in [
        (&right, Some(&right_ca), &[][..]),
        (&right, Some(&other_ca), &no_tls),
        (&right, None, &no_tls),
        // Its authority is trusted, but it is the certificate of another name.
        (&other, Some(&other_ca), &no_tls),
    ] {
        let (certificate, key) = (
            file("certificate.pem", &served.certificate),
            file("key.pem", &served.key),
        );
        server.enable_tls(&certificate, &key).await;
        start(ca_file.map(String::as_str), parts).await;
    }
}
