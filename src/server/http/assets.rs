//! Static files of the browser part. They are the same for everyone, so these routes have no session.
//!
//! A file with a content hash in its name never changes, so browsers cache it as immutable (RFC 8246). All other files
//! are revalidated on each visit, and a 304 answers if the file has not changed (RFC 9110, section 13).
//!
//! A file with a hash in its name that this node lacks may belong to a node of another version ([`program_files`]).
//!
//! [`program_files`]: super::program_files

use std::{convert::Infallible, io::ErrorKind, path::Path, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rust_embed::EmbeddedFile;
use sha2::{Digest as _, Sha256};
use tower::service_fn;
use tower_http::services::{ServeDir, ServeFile};

use super::{
    embedded_assets::{Embedded, Site},
    program_files::{self, SharedFiles},
    response,
};
use crate::server::{state::AppState, telemetry::error::InternalError};

/// Alias of the style sheet that does not depend on the hash in its file name.
const STYLE: &str = "/pkg/callgate.css";

const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// One year, the customary maximum. RFC 9111 sets no limit.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub fn routes(state: &AppState, site: &Site) -> Router {
    let shared = Arc::new(SharedFiles::new(state.storage().clone()));
    let files = match site {
        Site::Embedded => {
            // Error pages use the alias: they do not know the hash.
            let style = site.program().css;
            let serve = get(async move |uri: Uri, headers: HeaderMap| {
                if let Some(response) = embedded(Embedded::get, &style, uri.path(), &headers) {
                    return response;
                }
                let name = uri.path().strip_prefix("/pkg/").unwrap_or_default();
                of_other_node(&shared, name, &headers).await
            });
            Router::new()
                .route("/pkg", serve.clone())
                .route("/pkg/", serve.clone())
                .route("/pkg/{*file}", serve.clone())
                .route("/favicon.svg", serve)
        }
        Site::Folder(root) => from_folder(root, shared),
    };
    files.layer(map_response(add_headers))
}

fn embedded(
    find: impl Fn(&str) -> Option<EmbeddedFile>,
    style: &str,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    let name = if path == STYLE { style } else { path };
    let response = encoded(find, name, headers)?;
    Some(([(CACHE_CONTROL, cache_control(path))], response).into_response())
}

/// The file `name` in the smallest encoding that the client accepts.
fn encoded(find: impl Fn(&str) -> Option<EmbeddedFile>, name: &str, headers: &HeaderMap) -> Option<Response> {
    let name = name.trim_start_matches('/');
    let plain = find(name)?;
    let kind = plain.metadata.mimetype().to_owned();
    let compressed = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .find_map(|(coding, extension)| {
            let file = accepts(headers, coding).then(|| find(&format!("{name}.{extension}")));
            Some((file.flatten()?, Some(coding)))
        });
    let (file, coding) = compressed.unwrap_or((plain, None));
    let hash = file.metadata.sha256_hash();
    Some(unless_current(headers, kind, coding, &hash, file.data))
}

/// The file `name` of a node that runs another version.
async fn of_other_node(shared: &SharedFiles, name: &str, headers: &HeaderMap) -> Response {
    match shared.find(name, accepts(headers, "br")).await {
        Ok(Some(file)) => {
            let hash = Sha256::digest(&file.content);
            let kind = file.content_type.to_owned();
            let response = unless_current(headers, kind, file.coding, &hash, file.content);
            ([(CACHE_CONTROL, IMMUTABLE)], response).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(refusal) => response::error_page(&refusal),
    }
}

/// A file with the SHA-256 hash `hash`, or a 304 if the client has the current version.
fn unless_current(
    headers: &HeaderMap,
    kind: String,
    coding: Option<&'static str>,
    hash: &[u8],
    content: impl IntoResponse,
) -> Response {
    let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(hash));
    let is_current =
        elements(headers, IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == etag);
    let described = [(CONTENT_TYPE, kind), (ETAG, etag)];
    if is_current {
        return (StatusCode::NOT_MODIFIED, described).into_response();
    }
    let encoding = coding.map(|coding| [(CONTENT_ENCODING, coding)]);
    (described, encoding, content).into_response()
}

/// Whether `Accept-Encoding` lists `coding` (RFC 9110, section 12.5.3). Ignores weights.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    elements(headers, ACCEPT_ENCODING)
        .filter_map(|item| item.split(';').next())
        .any(|name| name.trim().eq_ignore_ascii_case(coding))
}

/// The elements of a list header (RFC 9110, section 5.6.1).
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn cache_control(path: &str) -> HeaderValue {
    let name = path.rsplit('/').next().unwrap_or_default();
    // With `hash-files`, cargo-leptos names all files `<name>.<hash>.<extension>`, split chunks included.
    if name.split('.').count() > 2 {
        IMMUTABLE
    } else {
        REVALIDATE
    }
}

fn from_folder(root: &Path, shared: Arc<SharedFiles>) -> Router {
    let pkg = ServeDir::new(root.join("pkg"))
        .precompressed_br()
        .precompressed_gzip()
        .append_index_html_on_directories(false);
    Router::new()
        .nest_service(
            "/pkg",
            service_fn(move |request| serve_file(pkg.clone(), Arc::clone(&shared), request)),
        )
        .route_service("/favicon.svg", ServeFile::new(root.join("favicon.svg")))
}

async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let with_charset = headers.get(CONTENT_TYPE).and_then(|kind| match kind.as_bytes() {
        b"text/css" => Some("text/css; charset=utf-8"),
        b"text/javascript" => Some("text/javascript; charset=utf-8"),
        b"image/svg+xml" => Some("image/svg+xml; charset=utf-8"),
        _ => None,
    });
    if let Some(kind) = with_charset {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.entry(CACHE_CONTROL).or_insert(REVALIDATE);
    response
}

async fn serve_file(mut folder: ServeDir, shared: Arc<SharedFiles>, request: Request) -> Result<Response, Infallible> {
    let name = request.uri().path().trim_start_matches('/').to_owned();
    let has_hash = program_files::content_type(&name).is_some();
    let headers = has_hash.then(|| request.headers().clone());
    Ok(match folder.try_call(request).await {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => {
            of_other_node(&shared, &name, &headers.unwrap_or_default()).await
        }
        Ok(response) => response.into_response(),
        // The path is too long or contains a NUL byte, so no such file exists.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidFilename | ErrorKind::InvalidInput) => {
            StatusCode::NOT_FOUND.into_response()
        }
        Err(error) => response::error_page(&InternalError::new("reading a static file", error).into()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rust_embed::utils::read_file_from_fs;

    use super::*;

    async fn get_path(path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let folder = tempfile::tempdir().unwrap();
        for (extension, content) in [("", "plain"), (".br", "br"), (".gz", "gz")] {
            fs::write(folder.path().join(format!("callgate.Zm9v.css{extension}")), content).unwrap();
        }
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let find = |name: &str| read_file_from_fs(&folder.path().join(name.strip_prefix("pkg/")?)).ok();
        let response = embedded(find, "/pkg/callgate.Zm9v.css", path, &headers);
        add_headers(response.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())).await
    }

    async fn get_style(headers: &[(HeaderName, &str)]) -> Response {
        get_path("/pkg/callgate.Zm9v.css", headers).await
    }

    #[tokio::test]
    async fn the_style_sheet_has_an_alias_without_hash_which_is_not_immutable() {
        for (path, status, cache_control) in [
            ("/pkg/callgate.Zm9v.css", 200, IMMUTABLE),
            ("/pkg/callgate.css", 200, REVALIDATE),
            ("/pkg/callgate.Zm9w.css", 404, REVALIDATE),
        ] {
            let response = get_path(path, &[]).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()[CACHE_CONTROL], cache_control, "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_is_sent_in_the_smallest_accepted_encoding() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("identity", None),
            ("brotli", None),
            ("", None),
        ] {
            let response = get_style(&[(ACCEPT_ENCODING, accepted)]).await;
            let found = response
                .headers()
                .get(CONTENT_ENCODING)
                .map(|coding| coding.to_str().unwrap());
            assert_eq!(found, coding, "{accepted}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
        }
    }

    #[tokio::test]
    async fn an_unchanged_file_is_not_sent_again() {
        let etag = async |coding| get_style(&[(ACCEPT_ENCODING, coding)]).await.headers()[ETAG].clone();
        let (br, gzip) = (etag("br").await, etag("gzip").await);
        let (br, gzip) = (br.to_str().unwrap(), gzip.to_str().unwrap());
        for (known, status) in [
            (br, 304),
            (&format!("\"a\", W/{br}"), 304),
            ("*", 304),
            (gzip, 200),
            ("\"a\"", 200),
        ] {
            let again = get_style(&[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, known)]).await;
            assert_eq!(again.status(), status, "{known}");
            assert_eq!(again.headers()[ETAG], br);
        }
    }

    #[test]
    fn only_a_name_with_a_hash_is_immutable() {
        for (path, is_immutable) in [
            ("/pkg/callgate.css", false),
            ("/favicon.svg", false),
            ("/pkg/callgate.Zm9v-_.js", true),
            ("/pkg/chunk_7.Zm9v.wasm", true),
        ] {
            assert_eq!(cache_control(path) == IMMUTABLE, is_immutable, "{path}");
        }
    }
}
