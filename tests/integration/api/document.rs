//! `/openapi.json` and `/docs`: what they promise is there, and nothing comes from anywhere else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::Running;

/// Every route that is promised.
const ROUTES: [&str; 21] = [
    "delete /api/v1/bookings/{class_id}",
    "delete /api/v1/cache/files/{key}",
    "get /api/v1/bookings",
    "get /api/v1/bookings/{class_id}",
    "get /api/v1/cache",
    "get /api/v1/cache/files",
    "get /api/v1/cache/files/{key}",
    "get /api/v1/events",
    "get /api/v1/events/ws",
    "get /api/v1/jobs",
    "get /api/v1/jobs/{id}",
    "get /healthz",
    "get /metrics",
    "get /readyz",
    "post /api/v1/bookings",
    "post /api/v1/cache/files/{key}/pin",
    "post /api/v1/cache/files/{key}/unpin",
    "post /api/v1/control",
    "post /api/v1/jobs/retry",
    "post /api/v1/jobs/{id}/cancel",
    "post /api/v1/jobs/{id}/retry",
];

fn document(api: &Running) -> Value {
    api.get("/openapi.json").json()
}

/// Calls `look` with every operation, by its method and path.
fn each_operation(document: &Value, mut look: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            look(method, path, operation);
        }
    }
}

/// Calls `look` with every value of this name, however deep.
fn each(value: &Value, name: &str, look: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                if field == name {
                    look(value);
                }
                each(value, name, look);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each(item, name, look)),
        _ => {}
    }
}

#[test]
fn the_document_names_every_route_and_every_route_is_there() {
    let api = Running::start();
    let document = document(&api);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let mut found = BTreeSet::new();
    each_operation(&document, |method, path, _| {
        found.insert(format!("{method} {path}"));
        let path = path.replace("{class_id}", "c-1").replace("{key}", "6666").replace("{id}", "1");
        let told = api.ask(&format!("{} {path}", method.to_uppercase()), &[], "");
        let is_there = !matches!(told.code().as_str(), "API_METHOD") && !told.text().contains("no such path");
        assert!(is_there, "{method} {path}: {told:?}");
    });
    let promised: BTreeSet<String> = ROUTES.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(found, promised);
}

#[test]
fn the_document_is_whole_references_lead_somewhere_and_everything_is_described() {
    let api = Running::start();
    let document = document(&api);
    each(&document, "$ref", &mut |reference| {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    });
    let mut names = BTreeSet::new();
    each_operation(&document, |method, path, operation| {
        let place = format!("{method} {path}");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{place}");
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{place}: its id is not its own"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{place} {status}");
            assert!(status == "101" || response["content"].is_object(), "{place} {status} has no schema");
        }
        let told: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let wanted: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(told, wanted, "{place}");
    });
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_page = name.starts_with("PageBody");
        assert!(is_page || schema["description"].is_string(), "{name} is not described");
    }
}

#[test]
fn what_a_page_of_bookings_looks_like_is_what_the_document_says() {
    let api = Running::start();
    let mut document = document(&api);
    api.ask("POST /api/v1/bookings", &[], r#"{"class_id":"c-1"}"#);
    let answered = [
        ("get", "/api/v1/bookings", "/api/v1/bookings", "200"),
        ("get", "/api/v1/bookings/{class_id}", "/api/v1/bookings/c-1", "200"),
        ("get", "/api/v1/jobs/{id}", "/api/v1/jobs/1", "200"),
        ("get", "/api/v1/cache", "/api/v1/cache", "200"),
        ("get", "/api/v1/cache/files", "/api/v1/cache/files", "200"),
        ("get", "/api/v1/cache/files/{key}", "/api/v1/cache/files/6666", "200"),
        ("get", "/api/v1/events", "/api/v1/events", "200"),
        ("get", "/readyz", "/readyz", "200"),
    ];
    for (method, path, asked, status) in answered {
        let schema =
            document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"].take();
        let whole = serde_json::json!({ "components": document["components"], "allOf": [schema] });
        let body = api.get(asked).json();
        let validator = jsonschema::validator_for(&whole).unwrap();
        let faults: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert_eq!(faults, [""; 0], "{path}: {body}");
    }
    let problem = serde_json::json!({
        "components": document["components"], "$ref": "#/components/schemas/Problem"
    });
    assert!(jsonschema::is_valid(&problem, &api.get("/nothing").json()));
}

#[test]
fn the_pages_come_from_the_node_alone() {
    let api = Running::start();
    assert_eq!(api.get("/docs").header("location"), Some("/docs/"));
    let page = api.get("/docs/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self';"));
    let text = page.text();
    for (at, _) in text.match_indices("src=\"").chain(text.match_indices("href=\"")) {
        let address = text[at..].split('"').nth(1).unwrap();
        assert!(address.starts_with("./") || address.starts_with("index.css"), "{address}");
        let told = api.get(&format!("/docs/{}", address.trim_start_matches("./")));
        assert_eq!(told.status, 200, "{address}");
    }
    let start = api.get("/docs/swagger-initializer.js").text();
    assert!(start.contains("/openapi.json"), "{start}");
    let told = api.get("/docs/nothing.js");
    assert_eq!((told.status, told.code().as_str()), (404, "API_NOT_FOUND"));
}
