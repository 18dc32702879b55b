//! Every route there is: those of the `OpenAPI` document, and those that the router's page lists besides. A route that is
//! added is in every test that goes by this list.

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

/// The routes for people.
pub(crate) fn pages() -> Vec<Route> {
    let router = include_str!("../../../src/router.rs");
    // Its own tests have routes that no server has.
    let router = router.split("#[cfg(test)]").next().unwrap();
    let source = [router, include_str!("../../../src/protocol.rs")].concat();
    let mut routes = Vec::new();
    for route in source.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once('"').unwrap();
        let handlers = handlers.lines().next().unwrap();
        for method in METHODS.iter().filter(|method| handlers.contains(&format!("{method}("))) {
            routes.push((method.to_uppercase(), path.replace("{*path}", "style.css")));
        }
    }
    routes
}

/// Every route.
pub(crate) fn every() -> Vec<Route> {
    [documented(), pages()].concat()
}

/// A path with `id` in the place of its parameter.
pub(crate) fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id)
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
