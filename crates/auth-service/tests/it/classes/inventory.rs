//! Every route there is: those of the `OpenAPI` document, and those that the router's page lists besides. A route that is
//! added is in every test that goes by this list.

use std::path::Path;

/// A method and a path.
pub(crate) type Route = (String, String);

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The routes of the `OpenAPI` document.
pub(crate) fn documented() -> Vec<Route> {
    let document = serde_json::to_value(auth_service::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    routes
}

/// The files of `src` that have routes by `.route(`; those of `routes!` are in the document.
const FILES: [&str; 6] =
    ["admin/serving.rs", "connections.rs", "dev.rs", "health.rs", "protocol.rs", "router.rs"];
/// Of those, the ones whose routes are on no public address of an operator: the operator's socket, `keyward dev`'s mailbox, health,
/// and a test's own.
const ELSEWHERE: [&str; 4] = ["admin/serving.rs", "connections.rs", "dev.rs", "health.rs"];

/// The routes for people, and for apps.
pub(crate) fn pages() -> Vec<Route> {
    let mut routes = Vec::new();
    for (file, source) in sources() {
        // Tests have routes that no server has.
        let source = source.split("#[cfg(test)]").next().unwrap();
        if !ELSEWHERE.contains(&file.as_str()) {
            routes.extend(
                routes_in(source)
                    .into_iter()
                    .map(|(method, path)| (method, path.replace("{*path}", "style.css"))),
            );
        }
    }
    routes
}

/// Every file of the sources, by its path in `src`.
pub(crate) fn sources() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The routes of a source: each `.route(`, up to the parenthesis that closes it, however it is broken into lines.
fn routes_in(source: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for rest in source.split(".route(").skip(1) {
        let call = &rest[..closing(rest)];
        let (path, handlers) =
            call.trim_start().strip_prefix('"').and_then(|call| call.split_once('"')).unwrap_or_else(|| {
                panic!("a route whose path is not written out is in no list: .route({call})")
            });
        let before = routes.len();
        for method in METHODS.iter().filter(|method| calls(handlers, method)) {
            routes.push((method.to_uppercase(), path.to_owned()));
        }
        assert!(routes.len() > before, "no method of a route is known: .route({call})");
        assert!(
            !["any", "on", "patch_service", "get_service"].iter().any(|name| calls(handlers, name)),
            "{call}"
        );
    }
    routes
}

/// Where the parenthesis is that closes the one before `rest`.
fn closing(rest: &str) -> usize {
    let (mut depth, mut quoted) = (1, false);
    for (at, character) in rest.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("a route that does not end: {rest}")
}

/// Whether `name(` is called, and not another name that ends alike.
fn calls(code: &str, name: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(&format!("{name}(")).any(|(at, _)| !code[..at].ends_with(is_name))
}

/// Every route.
pub(crate) fn every() -> Vec<Route> {
    [documented(), pages()].concat()
}

/// A path with `id` in the place of its parameter.
pub(crate) fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{client_id}", id)
}

/// A body that the route reads to its end: JSON or a form, with nothing in it.
pub(crate) fn empty(path: &str) -> (&'static str, &'static str) {
    let documented = documented().iter().any(|(_, known)| known == path);
    if documented { ("application/json", "{}") } else { ("application/x-www-form-urlencoded", "") }
}

#[test]
fn the_list_is_whole() {
    assert!(documented().len() >= 25, "{:?}", documented());
    assert!(pages().len() >= 60, "{:?}", pages());
    for route in [("POST", "/language"), ("POST", "/account/delete"), ("GET", "/.well-known/jwks.json")] {
        assert!(pages().contains(&(route.0.to_owned(), route.1.to_owned())), "{route:?}");
    }
}

/// A file with routes that is not in the list once dropped out without a word.
#[test]
fn every_file_with_routes_is_known() {
    let mut with_routes = Vec::new();
    for (file, source) in sources() {
        if source.contains(".route(") {
            with_routes.push(file.clone());
        }
        for other in [".nest(", ".nest_service(", ".route_service(", ".method_not_allowed_fallback("] {
            assert!(
                !source.contains(other),
                "{file} has routes by {other}…), which the inventory does not read"
            );
        }
    }
    assert_eq!(with_routes, FILES, "read the routes of a new file too, or say why no server has them");
    // Those of the operator's socket are on no network at all, and stand in its own list.
    for file in ELSEWHERE.into_iter().filter(|file| *file != "admin/serving.rs") {
        let (_, source) = sources().into_iter().find(|(name, _)| name == file).unwrap();
        let own = routes_in(source.split("#[cfg(test)]").next().unwrap());
        let is_known = |path: &str| {
            path.starts_with("/dev/") || ["/livez", "/metrics", "/readyz", "/startupz"].contains(&path)
        };
        assert!(own.iter().all(|(_, path)| is_known(path)), "{file}: {own:?}");
    }
}

/// A route that rustfmt broke over lines once lost its methods.
#[test]
fn a_route_is_read_to_its_end() {
    let source = "Router::new()\n    .route(\n        \"/one\",\n        get(|| async { \"(\" })\n            .post(other(two))\n            .delete(three),\n    )\n    .route(\"/two\", put(target(a, b))).fallback(patch(x))";
    let route = |method: &str, path: &str| (method.to_owned(), path.to_owned());
    assert_eq!(
        routes_in(source),
        [route("GET", "/one"), route("POST", "/one"), route("DELETE", "/one"), route("PUT", "/two")]
    );
}
