//! The files of the browser part: the same for everybody, so no session is carried to them.
//!
//! A file with a hash in its name never changes and is kept for good; any other is asked about again at each visit, and
//! answered in a few bytes while it is the same (RFC 9110, section 13; RFC 8246).

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
use tower::service_fn;
use tower_http::services::{ServeDir, ServeFile};

use super::reply;
use crate::server::{
    fault::Fault,
    site::{Embedded, Site},
};

/// Where the style sheet is found under whatever name it was built.
const STYLE: &str = "/pkg/callgate.css";

const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// A year, as long as such things are kept (RFC 9111 names no limit; caches have one of their own).
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The routes of all files.
pub fn routes(site: &Site) -> Router {
    match site {
        Site::Embedded(files) => {
            let (mut files, css) = (files.clone(), site.program().css);
            // Pages that tell of a failure know of no hash.
            if let Some(style) = files.get(css.as_str()).copied() {
                files.insert(STYLE, style);
            }
            let find = move |path: &str| files.get(path).copied();
            let serve = get(async move |request: Request| match find(request.uri().path()) {
                Some(file) => embedded(file, request.uri().path(), request.headers()),
                None => StatusCode::NOT_FOUND.into_response(),
            });
            Router::new()
                .route("/pkg", serve.clone())
                .route("/pkg/", serve.clone())
                .route("/pkg/{*file}", serve.clone())
                .route("/favicon.svg", serve)
        }
        Site::Folder(root) => from_folder(root),
    }
}

/// A file that the program has within itself, in the shortest form that the client takes.
fn embedded(file: &Embedded, path: &str, headers: &HeaderMap) -> Response {
    let takes = |coding: &str| accepts(headers, coding);
    let (body, coding) = match (file.br, file.gz) {
        (Some(br), _) if takes("br") => (br, "br"),
        (_, Some(gz)) if takes("gzip") => (gz, "gzip"),
        _ => (file.plain, "identity"),
    };
    let tag = format!("\"{}-{coding}\"", file.hash);
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => body.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    if !is_known && coding != "identity" {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, kept(path));
    response
}

/// Whether a client takes that coding (RFC 9110, section 12.5.3).
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|element| {
            let mut parts = element.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
            let is_refused = parts.any(|weight| {
                let weight = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="));
                weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32))
            });
            is_named && !is_refused
        })
}

/// For how long a file is kept.
fn kept(path: &str) -> HeaderValue {
    let name = path.rsplit('/').next().unwrap_or_default();
    // callgate.<hash>.js, and everything that cargo-leptos splits off: see `hash-files` there.
    match name.split('.').count() > 2 {
        true => FOR_GOOD,
        false => ASK_AGAIN,
    }
}

/// The type of a file, by the end of its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json; charset=utf-8",
        Some("svg") => "image/svg+xml; charset=utf-8",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
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
        .layer(map_response(dress))
}

/// What the file service leaves out: a charset, that the encoding was negotiated, and that a copy is asked about again.
async fn dress(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let charset = headers.get(CONTENT_TYPE).and_then(|value| match value.as_bytes() {
        b"text/css" => Some(kind("css")),
        b"text/javascript" => Some(kind("js")),
        b"image/svg+xml" => Some(kind("svg")),
        _ => None,
    });
    if let Some(charset) = charset {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(charset));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, ASK_AGAIN);
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
        Err(error) => reply::refused_person(&Fault::new("reading a file of the browser part", error).into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Embedded = Embedded::new("/pkg/callgate.css", "00ff", b"plain", Some(b"br"), Some(b"gz"));

    fn answer(path: &str, headers: &[(axum::http::HeaderName, &str)]) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        embedded(&FILE, path, &headers)
    }

    #[test]
    fn a_file_comes_in_the_shortest_form_that_is_taken() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("br;q=0, gzip;q=1", Some("gzip")),
            ("br; q=0.000", None),
            ("identity", None),
            ("brotli", None),
            ("", None),
        ] {
            let response = answer("/pkg/callgate.css", &[(ACCEPT_ENCODING, accepted)]);
            let found = response
                .headers()
                .get(CONTENT_ENCODING)
                .map(|coding| coding.to_str().unwrap());
            assert_eq!(found, coding, "{accepted}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
        }
    }

    #[test]
    fn what_is_the_same_is_not_sent_again() {
        let first = answer("/pkg/callgate.css", &[(ACCEPT_ENCODING, "br")]);
        let tag = first.headers()[ETAG].to_str().unwrap();
        for (known, status) in [
            (tag, 304),
            (&format!("\"a\", W/{tag}"), 304),
            ("*", 304),
            ("\"00ff-gzip\"", 200),
            ("\"a\"", 200),
        ] {
            let again = answer("/pkg/callgate.css", &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, known)]);
            assert_eq!(again.status(), status, "{known}");
            assert_eq!(again.headers()[ETAG], first.headers()[ETAG]);
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
