//! Every route of the program with every function in its place, for tests that try them all. The routes are those of
//! `routes.txt`, which a test beside the router holds to what is really there; the functions come from the server.

use serde_json::Value;

use crate::support::server::Server;

/// A function, as the server lists it.
pub struct Function {
    pub name: String,
    pub guard: String,
    pub summary: String,
    /// Whether anybody may call it.
    pub is_open: bool,
}

/// All functions.
pub async fn functions(server: &Server) -> Vec<Function> {
    let list = server.client().json("/api/list_functions", "{}").await.value();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |function: &Value| Function {
        name: text(&function["name"]),
        guard: text(&function["rule"]["guard"]),
        summary: text(&function["summary"]),
        is_open: function["rule"]["open"].as_bool().unwrap(),
    };
    let functions: Vec<Function> = list["functions"].as_array().unwrap().iter().map(read).collect();
    assert!(functions.len() >= 12);
    functions
}

/// Every path, with each function where a name stands, in order and once.
pub async fn paths(server: &Server) -> Vec<String> {
    let functions = functions(server).await;
    let mut paths: Vec<String> = include_str!("routes.txt")
        .lines()
        .filter(|line| line.starts_with("GET ") || line.starts_with("POST "))
        .map(|line| line.split_whitespace().nth(1).unwrap().replace("{*name}", "{name}"))
        .map(|path| path.replace("{key}", "example"))
        .flat_map(|path| {
            if path.contains("{name}") {
                functions
                    .iter()
                    .map(|function| path.replace("{name}", &function.name))
                    .collect()
            } else {
                vec![path]
            }
        })
        .collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 3 * functions.len());
    paths
}

/// The paths that a page is shown at.
pub async fn pages(server: &Server) -> Vec<String> {
    let client = server.client();
    let mut pages = Vec::new();
    for path in paths(server).await {
        let reply = client.get(&path).await;
        let kind = reply.find("content-type").unwrap_or_default();
        if reply.status == 200 && kind.starts_with("text/html") {
            pages.push(path);
        }
    }
    assert!(pages.iter().any(|path| path == "/account"), "{pages:?}");
    pages
}
