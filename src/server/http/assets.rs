//! The files of the browser part: the same for everybody, so no session is carried to them.
//!
//! A file with a hash in its name never changes and is kept for good; any other is asked about again at each visit, and
//! json_response in a few bytes while it is the same (RFC 9110, section 13; RFC 8246).

use std::{convert::Infallible, io::ErrorKind, path::Path};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rust_embed::EmbeddedFile;
use tower::service_fn;
use tower_http::services::{ServeDir, ServeFile};

use super::{
    embedded_assets::{Embedded, Site},
    response,
};
use crate::server::telemetry::error::InternalError;

/// Where the style sheet is found under whatever name it was built.
const STYLE: &str = "/pkg/callgate.css";

const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// A year, as long as such things are kept (RFC 9111 names no limit; caches have one of their own).
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The routes of all files.
pub fn routes(site: &Site) -> Router {
    let files = match site {
        Site::Embedded => {
            // Pages that tell of a failure know of no hash.
            let style = site.program().css;
            let serve = get(async move |request: Request| {
                embedded(Embedded::get, &style, request.uri().path(), request.headers())
            });
            Router::new()
                .route("/pkg", serve.clone())
                .route("/pkg/", serve.clone())
                .route("/pkg/{*file}", serve.clone())
                .route("/favicon.svg", serve)
        }
        Site::Folder(root) => from_folder(root),
    };
    files.layer(map_response(dress))
}

/// The answer to a request for `path`.
fn embedded(find: impl Fn(&str) -> Option<EmbeddedFile>, style: &str, path: &str, headers: &HeaderMap) -> Response {
    let name = if path == STYLE { style } else { path };
    match encoded(find, name, headers) {
        Some(response) => ([(CACHE_CONTROL, kept(path))], response).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The file of that name, as `find` has it, in the shortest form that the client takes.
fn encoded(find: impl Fn(&str) -> Option<EmbeddedFile>, name: &str, headers: &HeaderMap) -> Option<Response> {
    let name = name.trim_start_matches('/');
    let plain = find(name)?;
    let kind = plain.metadata.mimetype().to_owned();
    let compressed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(coding, end)| {
        let file = accepts(headers, coding).then(|| find(&format!("{name}.{end}")));
        Some((file.flatten()?, Some(coding)))
    });
    let (file, coding) = compressed.unwrap_or((plain, None));
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag);
    let named = [(CONTENT_TYPE, kind), (ETAG, tag)];
    Some(match (is_known, coding) {
        (true, _) => (StatusCode::NOT_MODIFIED, named).into_response(),
        (false, Some(coding)) => (named, [(CONTENT_ENCODING, coding)], file.data).into_response(),
        (false, None) => (named, file.data).into_response(),
    })
}

/// Whether a client names that coding (RFC 9110, section 12.5.3). Weights are not looked at.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|element| element.split(';').next())
        .any(|name| name.trim().eq_ignore_ascii_case(coding))
}

/// For how long a file is kept.
fn kept(path: &str) -> HeaderValue {
    let name = path.rsplit('/').next().unwrap_or_default();
    // callgate.<hash>.js, and everything that cargo-leptos splits off: see `hash-files` there.
    if name.split('.').count() > 2 {
        FOR_GOOD
    } else {
        ASK_AGAIN
    }
}

/// Files that are read from a folder.
fn from_folder(root: &Path) -> Router {
    let pkg = ServeDir::new(root.join("pkg"))
        .precompressed_br()
        .precompressed_gzip()
        .append_index_html_on_directories(false);
    Router::new()
        .nest_service("/pkg", service_fn(move |request| file(pkg.clone(), request)))
        .route_service("/favicon.svg", ServeFile::new(root.join("favicon.svg")))
}

/// Adds what all files have: a charset, that the encoding was negotiated, and how long a copy is kept.
async fn dress(mut response: Response) -> Response {
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
    headers.entry(CACHE_CONTROL).or_insert(ASK_AGAIN);
    response
}

/// The file in `folder` that a request names.
async fn file(mut folder: ServeDir, request: Request) -> Result<Response, Infallible> {
    Ok(match folder.try_call(request).await {
        Ok(response) => response.into_response(),
        // No file has such a name: it is too long, or there is a NUL in it.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidFilename | ErrorKind::InvalidInput) => {
            StatusCode::NOT_FOUND.into_response()
        }
        Err(error) => response::error_page(&InternalError::new("reading a file of the browser part", error).into()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::http::HeaderName;
    use rust_embed::utils::read_file_from_fs;

    use super::*;

    async fn answer_to(path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let folder = tempfile::tempdir().unwrap();
        for (end, content) in [("", "plain"), (".br", "br"), (".gz", "gz")] {
            fs::write(folder.path().join(format!("callgate.Zm9v.css{end}")), content).unwrap();
        }
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let find = |name: &str| read_file_from_fs(&folder.path().join(name.strip_prefix("pkg/")?)).ok();
        dress(embedded(find, "/pkg/callgate.Zm9v.css", path, &headers)).await
    }

    async fn answer(headers: &[(HeaderName, &str)]) -> Response {
        answer_to("/pkg/callgate.Zm9v.css", headers).await
    }

    #[tokio::test]
    async fn the_style_sheet_is_found_without_its_hash_and_not_kept_for_good_then() {
        for (path, status, kept) in [
            ("/pkg/callgate.Zm9v.css", 200, FOR_GOOD),
            ("/pkg/callgate.css", 200, ASK_AGAIN),
            ("/pkg/callgate.Zm9w.css", 404, ASK_AGAIN),
        ] {
            let response = answer_to(path, &[]).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()[CACHE_CONTROL], kept, "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_comes_in_the_shortest_form_that_is_taken() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("identity", None),
            ("brotli", None),
            ("", None),
        ] {
            let response = answer(&[(ACCEPT_ENCODING, accepted)]).await;
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
    async fn what_is_the_same_is_not_sent_again() {
        let tag = async |coding| answer(&[(ACCEPT_ENCODING, coding)]).await.headers()[ETAG].clone();
        let (br, gzip) = (tag("br").await, tag("gzip").await);
        let (br, gzip) = (br.to_str().unwrap(), gzip.to_str().unwrap());
        for (known, status) in [
            (br, 304),
            (&format!("\"a\", W/{br}"), 304),
            ("*", 304),
            (gzip, 200),
            ("\"a\"", 200),
        ] {
            let again = answer(&[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, known)]).await;
            assert_eq!(again.status(), status, "{known}");
            assert_eq!(again.headers()[ETAG], br);
        }
    }

    #[test]
    fn only_a_name_with_a_hash_is_kept_for_good() {
        for (path, is_kept) in [
            ("/pkg/callgate.css", false),
            ("/favicon.svg", false),
            ("/pkg/callgate.Zm9v-_.js", true),
            ("/pkg/chunk_7.Zm9v.wasm", true),
        ] {
            assert_eq!(kept(path) == FOR_GOOD, is_kept, "{path}");
        }
    }
}
