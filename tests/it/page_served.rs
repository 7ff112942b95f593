//! The served page and previews: headers, limits, and the same messages as the webhook.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Server, fixtures, program};

const POLICY: &str =
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {ranges: [10.96.0.0/16]}\nnoOverlap: {}\n";

fn server() -> Server {
    let inventory = fixtures().join("inventories/full.json");
    Server::start_with(POLICY, &["--inventory", inventory.to_str().unwrap()])
}

/// Status and JSON of a preview.
fn preview(server: &Server, query: &str) -> (u16, Value) {
    let answer = server.get(&format!("{}/preview{query}", server.health));
    (answer.status().as_u16(), serde_json::from_str(answer.body()).unwrap())
}

#[track_caller]
fn check_schema(kind: &str, document: &Value) {
    let schema = program().args(["schema", kind]).output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let errors: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{kind}: {errors:#?}");
}

/// The text between two markers.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

#[test]
fn page_runs_only_its_own_script() {
    let server = server();
    let answer = server.get(&format!("{}/", server.health));
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-") && policy.ends_with("; frame-ancestors 'none'")
    );
    assert!(policy.contains("; connect-src 'self'; ") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        (header("x-content-type-options"), header("referrer-policy")),
        ("nosniff".to_owned(), "no-referrer".to_owned())
    );
    let page = answer.body();
    assert_eq!(
        between(page, "Content-Security-Policy\" content=\"", "\""),
        policy.strip_suffix("; frame-ancestors 'none'").unwrap()
    );
    for forbidden in ["http://", "https://", "src=", "href=", " onclick", " onload", " onerror", "style="] {
        let markup = page.split("<script").next().unwrap().split("</style>").last().unwrap();
        assert!(!markup.contains(forbidden), "{forbidden}");
    }
    let file =
        program().args(["report", "-o", "html", "-f"]).arg(fixtures().join("inventories/full.json")).output().unwrap();
    let file = String::from_utf8(file.stdout).unwrap();
    assert!(
        file.contains("; connect-src 'none'; ")
            && file.contains("data-live=\"no\"")
            && page.contains("data-live=\"yes\"")
    );
    // The file, the page and `/report?view=page` contain the same document.
    let data = |page: &str| serde_json::from_str::<Value>(between(page, "id=\"data\">", "</script>")).unwrap();
    let refreshed = server.get(&format!("{}/report?view=page", server.health));
    assert_eq!(data(page), serde_json::from_str::<Value>(refreshed.body()).unwrap());
    let (mut own, mut shown) = (data(&file), data(page));
    check_schema("CapacityPage", &data(page));
    // The file was created without the policy, whose allowed range is drawn.
    assert_ne!(own["spaces"].take(), shown["spaces"].take());
    assert_eq!(own, shown);
    let report: Value = serde_json::from_str(server.get(&format!("{}/report", server.health)).body()).unwrap();
    assert_eq!(shown["families"], report["families"]);
}

#[test]
fn preview_matches_webhook_response() {
    let server = server();
    let recorded = fs::read_to_string(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    for cidr in ["10.96.0.0/24", "10.96.1.0/24", "172.20.0.0/16", "10.96.0.0/28", "10.96.0.0/31", "fd00::/112"] {
        let mut review: Value = serde_json::from_str(&recorded.replace("10.96.0.0/24", cidr)).unwrap();
        review["request"]["dryRun"] = json!(true);
        let answer = server.review(review.to_string().as_bytes());
        let (status, result) = preview(&server, &format!("?add={}", cidr.replace('/', "%2F")));
        assert_eq!(status, 200);
        assert_eq!(result["allowed"], answer["response"]["allowed"], "{cidr}");
        let denied: Vec<&str> = [&result["denials"], &result["alternatives"]]
            .iter()
            .flat_map(|list| list.as_array().unwrap())
            .map(|text| text.as_str().unwrap())
            .collect();
        assert_eq!(denied.join("; "), answer["response"]["status"]["message"].as_str().unwrap_or_default(), "{cidr}");
        let renamed = result["warnings"].to_string().replace("(preview)", "newcidr1").replace("`newcidr1`", "newcidr1");
        let warnings = match &answer["response"]["warnings"] {
            Value::Null => json!([]),
            warnings => warnings.clone(),
        };
        assert_eq!(renamed, warnings.to_string(), "{cidr}");
    }
    let (_, result) = preview(&server, "?add=10.96.0.0/24,fd00::/112");
    check_schema("ChangePreview", &result);
    assert_eq!((&result["kind"], &result["add"]), (&json!("ChangePreview"), &json!(["10.96.0.0/24", "fd00::/112"])));
}

#[test]
fn preview_is_bounded_and_has_no_side_effects() {
    let server = server();
    let before = server.get(&format!("{}/report", server.health)).into_body();
    let counted = || {
        server
            .metric(r#"servicecidr_guard_admission_requests_total{operation="CREATE",decision="allow",dry_run="true"}"#)
    };
    let reviews = counted();
    let usage = json!({"message": "write it as /preview?add=CIDR or add=CIDR,CIDR"});
    let long = format!("?add={}", "1".repeat(300));
    for query in
        ["", "?", "?add=", "?remove=kubernetes", "?add=10.0.0.0/8&add=10.0.0.0/8", "?x=1&add=10.0.0.0/8", &long]
    {
        assert_eq!(preview(&server, query), (400, usage.clone()), "{query}");
    }
    for (query, problem) in [
        ("?add=10.96.0.1/24", "spec.cidrs[0]: `10.96.0.1/24` has host bits set: use 10.96.0.0/24"),
        ("?add=%1b[31m", "spec.cidrs[0]: `\\u{1b}[31m` is not a CIDR: write it as 10.9.8.0/24 or 2001:db8::/64"),
        ("?add=10.0.0.0/24,10.1.0.0/24", "spec.cidrs: has two CIDRs of one IP family: set one, or one of each"),
        ("?add=a,b,c", "spec.cidrs: has 3 CIDRs: set one, or one of each IP family"),
    ] {
        assert_eq!(preview(&server, query), (400, json!({"message": problem})), "{query}");
    }
    preview(&server, "?add=10.96.0.0/24");
    assert_eq!(server.get(&format!("{}/report", server.health)).into_body(), before);
    assert_eq!(counted(), reviews, "previews are not counted as reviews");
    for path in ["/", "/preview", "/report"] {
        assert_eq!(server.get(&format!("{}{path}", server.webhook)).status(), 404, "{path} exists on the webhook port");
    }
}

#[test]
fn preview_rate_limit_returns_429_and_keeps_serving() {
    let server = server();
    let mut result = None;
    // Enough requests to exceed the limit within one second, except on a very slow machine, which gets more rounds.
    for _ in 0..4000 {
        let answer = server.get(&format!("{}/preview?add=10.96.0.0/24", server.health));
        if answer.status() == 429 {
            assert_eq!(answer.headers()["retry-after"], "1");
            result = Some(answer.into_body());
            break;
        }
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(result.unwrap(), r#"{"message":"more than 50 previews in a second: retry later"}"#);
    assert_eq!(server.get(&format!("{}/livez", server.health)).status(), 200);
}

#[test]
fn page_requires_inventory() {
    let server = Server::start(&POLICY.replace("noOverlap: {}\n", ""));
    for path in ["/", "/preview?add=10.0.0.0/24", "/report?view=page"] {
        let answer = server.get(&format!("{}{path}", server.health));
        assert_eq!(answer.status(), 404, "{path}");
        assert!(answer.body().contains("start with --inventory"), "{}", answer.body());
    }
}
