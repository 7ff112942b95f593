//! HTTP: paths, methods, sizes, health, metrics, log, startup and exit.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::messages::normalize_whitespace;
use crate::program::{Server, fixtures, program, run};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

fn create() -> Vec<u8> {
    fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap()
}

#[test]
fn invalid_review_returns_400_with_reason() {
    let server = Server::start(DENY_ALL);
    let check = |body: &[u8], expected: &str| {
        let (status, answer) = server.post("/validate", body);
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!((status, answer.as_str()), (400, expected), "{}", String::from_utf8_lossy(body));
    };
    let wanted = "expected an AdmissionReview of admission.k8s.io/v1 with a request";
    let head = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview""#;
    check(b"", "body: not JSON: EOF while parsing a value at line 1 column 0\n");
    check(b"{", "body: not JSON: EOF while parsing an object at line 1 column 1\n");
    check(b"{} {}", "body: not JSON: trailing characters at line 1 column 4\n");
    check(b"\"\xff\"", "body: not JSON: invalid utf-8 sequence of 1 bytes from index 1\n");
    check(b"[]", &format!("body: is not an object: {wanted}\n"));
    check(b"{}", &format!("body: apiVersion is not `admission.k8s.io/v1`: {wanted}\n"));
    check(
        br#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#,
        &format!("body: apiVersion is not `admission.k8s.io/v1`: {wanted}\n"),
    );
    check(br#"{"apiVersion":"admission.k8s.io/v1"}"#, &format!("body: kind is not `AdmissionReview`: {wanted}\n"));
    check(format!("{head}}}").as_bytes(), &format!("body: request is missing: {wanted}\n"));
    check(format!(r#"{head},"request":null}}"#).as_bytes(), &format!("body: request is missing: {wanted}\n"));
    check(format!(r#"{head},"request":7}}"#).as_bytes(), &format!("body: request is not an object: {wanted}\n"));
    check(format!(r#"{head},"kind":"X"}}"#).as_bytes(), &format!("body: has `kind` twice: {wanted}\n"));
    check(
        format!(r#"{head},"request":{{}}}}"#).as_bytes(),
        "request.uid: is missing: expected a string of 1 to 128 bytes\n",
    );
    check(
        format!(r#"{head},"request":{{"uid":7}}}}"#).as_bytes(),
        "request.uid: is not a string: expected a string of 1 to 128 bytes\n",
    );
    check(
        format!(r#"{head},"request":{{"uid":""}}}}"#).as_bytes(),
        "request.uid: has 0 bytes: expected a string of 1 to 128 bytes\n",
    );
    check(
        format!(r#"{head},"request":{{"uid":"a","uid":"b"}}}}"#).as_bytes(),
        &format!("body: request has `uid` twice: {wanted}\n"),
    );
    // Deeper than any stack allows, within the size limit.
    check(&vec![b'['; 1_000_000], "body: not JSON: EOF while parsing a list at line 1 column 1000000\n");
    assert_eq!(server.review(&create())["response"]["allowed"], false);
}

#[test]
fn deep_nesting_is_skipped_or_rejected() {
    let server = Server::start(DENY_ALL);
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [100, 1_000_000] {
        let deep = deep(levels);
        let review = |options: &str, cidrs: &str| {
            format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",
                "resource":{{"group":"networking.k8s.io","version":"v1","resource":"servicecidrs"}},"options":{options},
                "object":{{"metadata":{{"name":"a","annotations":{options}}},"spec":{{"cidrs":{cidrs}}}}}}}}}"#
            )
        };
        // These fields are not read.
        let answer = server.review(review(&deep, r#"["10.0.0.0/24"]"#).as_bytes());
        assert_eq!(answer["response"]["status"]["code"], 403, "{answer}");
        let answer = server.review(review("{}", &deep).as_bytes());
        let message = answer["response"]["status"]["message"].as_str().unwrap();
        assert!(message.contains("object.spec.cidrs: is not a list of strings"), "{message}");
    }
}

#[test]
fn only_post_to_validate_is_served() {
    let server = Server::start(DENY_ALL);
    let refused = server.get(&format!("{}/validate", server.webhook));
    assert_eq!(refused.status(), 405);
    assert_eq!(refused.headers()["allow"], "POST");
    assert_eq!(refused.body(), "/validate answers POST only\n");
    assert_eq!(server.post("/", &create()).0, 404);
    assert_eq!(server.post("/validate/", &create()).0, 404);
    assert_eq!(server.get(&format!("{}/metrics", server.webhook)).status(), 404);
    assert_eq!(server.post("/validate?timeout=10s", &create()).0, 200);
}

#[test]
fn body_over_7_mib_returns_413() {
    let server = Server::start(DENY_ALL);
    let mut body = create();
    body.resize(7 * 1024 * 1024, b' ');
    assert_eq!(server.post("/validate", &body).0, 200);
    body.push(b' ');
    assert_eq!(server.post("/validate", &body).0, 413);
    assert_eq!(server.post("/validate", &create()).0, 200);
}

#[test]
fn health_and_metrics_use_the_health_port() {
    let server = Server::start(DENY_ALL);
    let get = |path: &str| server.get(&format!("{}{path}", server.health));
    assert_eq!(get("/livez").body(), "ok\n");
    assert_eq!(get("/readyz").body(), "ok\n");
    assert_eq!(get("/healthz").body(), "ok\n");
    assert_eq!(
        get("/readyz?verbose").body(),
        "[+]policy ok: deny-all\n[+]certificate ok\n[+]inventory ok: none\nreadyz check passed\n"
    );
    assert_eq!(get("/validate").status(), 404);

    server.review(&create());
    server.review(&fs::read(fixtures().join("recorded/012-update-newcidr1.json")).unwrap());
    server.review(&fs::read(fixtures().join("recorded/001-delete-10.96.0.23.json")).unwrap());
    server.post("/validate", b"{}");
    let page = get("/metrics");
    assert_eq!(page.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        r#"admission_requests_total{operation="CREATE",decision="deny",dry_run="false"} 1"#,
        r#"admission_requests_total{operation="UPDATE",decision="allow",dry_run="true"} 1"#,
        r#"admission_requests_total{operation="UNKNOWN",decision="error",dry_run="false"} 1"#,
        r#"findings_total{rule="deny-all",action="Deny"} 1"#,
        "admission_request_duration_seconds_count 3",
        "admission_requests_in_flight 0",
        r#"http_requests_total{path="/validate",code="200"} 3"#,
        r#"http_requests_total{path="/validate",code="400"} 1"#,
        r#"http_requests_total{path="/validate",code="404"} 1"#,
        r#"tls_reloads_total{result="failure"} 0"#,
        "config_last_reload_successful 1",
        &format!(r#"build_info{{version="{}",commit="unknown"}} 1"#, env!("CARGO_PKG_VERSION")),
    ] {
        assert!(page.body().contains(&format!("\nservicecidr_guard_{line}\n")), "{line}\n{}", page.body());
    }
}

#[test]
fn every_review_is_logged_once() {
    let server = Server::start(DENY_ALL);
    server.review(&create());
    let line = server.wait_for_log("review");
    for (field, expected) in [
        ("uid", "b3276ca1-f347-49c4-b95e-2dcec3a2d40a"),
        ("operation", "CREATE"),
        ("name", "newcidr1"),
        ("user", "admin"),
        ("decision", "deny"),
        (
            "violations",
            "deny-all: metadata.name: ServiceCIDR `newcidr1` may not be created: the policy denies it for all but `kubernetes`",
        ),
    ] {
        assert_eq!(line[field], expected);
    }
    assert_eq!(line["dry_run"], false);
    assert!(line["seconds"].is_number());
    server.review(&fs::read(fixtures().join("recorded/026-create-kubernetes.json")).unwrap());
    assert_eq!(server.wait_for_log("review")["exemption"], "default-service-cidr");
}

#[test]
fn sigterm_exits_0() {
    let mut server = Server::start_with(DENY_ALL, &["--drain-delay", "0"]);
    server.review(&create());
    server.signal("TERM");
    server.wait_for_log("stopped");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn sigint_exits_0() {
    let mut server = Server::start(DENY_ALL);
    server.signal("INT");
    server.wait_for_log("stopped");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn invalid_startup_files_are_errors() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert!(run(&["certs", "--out", &at("")]).status.success());
    assert!(run(&["certs", "--out", &at("other")]).status.success());
    fs::write(at("good.yaml"), DENY_ALL).unwrap();
    fs::write(at("bad.yaml"), DENY_ALL.replace("denyAll", "denyall")).unwrap();
    fs::write(at("empty.pem"), "").unwrap();
    let check = |policy: &str, cert: &str, key: &str, more: &[&str], code: i32, expected: &str| {
        let (policy, cert, key) = (at(policy), at(cert), at(key));
        let mut arguments = vec!["serve", "--policy", &policy, "--tls-cert", &cert, "--tls-key", &key];
        arguments.extend(more);
        let ended = run(&arguments);
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), expected);
        assert_eq!(ended.status.code(), Some(code));
    };
    check(
        "bad.yaml",
        "tls.crt",
        "tls.key",
        &[],
        2,
        &format!(
            "error: {}:3:1: unknown field `denyall`\n  3 | denyall: {{}}\n    | ^\nhint: did you mean `denyAll`?\n",
            at("bad.yaml")
        ),
    );
    check(
        "absent",
        "tls.crt",
        "tls.key",
        &[],
        3,
        &format!("error: {}: No such file or directory (os error 2)\n", at("absent")),
    );
    check(
        "good.yaml",
        "absent",
        "tls.key",
        &[],
        2,
        &format!("error: {}: No such file or directory (os error 2)\n", at("absent")),
    );
    check(
        "good.yaml",
        "empty.pem",
        "tls.key",
        &[],
        2,
        &format!("error: {}: no certificate in it: no PEM block\n", at("empty.pem")),
    );
    check(
        "good.yaml",
        "tls.crt",
        "tls.crt",
        &[],
        2,
        &format!("error: {}: no private key in it: no items found\n", at("tls.crt")),
    );
    check(
        "good.yaml",
        "tls.crt",
        "other/tls.key",
        &[],
        2,
        &format!("error: {} and {}: the key is not that of the certificate\n", at("tls.crt"), at("other/tls.key")),
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    check(
        "good.yaml",
        "tls.crt",
        "tls.key",
        &["--listen", &address],
        3,
        &format!(
            "error: can't listen on {address} (--listen): Address already in use (os error 98)\n\
             hint: choose another address with --listen ADDRESS:PORT; port 0 selects a free port\n"
        ),
    );
}

#[test]
fn serve_flags_have_environment_variables() {
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    let flags: Vec<&str> = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")).collect();
    assert!(flags.len() >= 8, "{help}");
    for flag in flags {
        let flag = flag.split([' ', ',']).next().unwrap();
        let variable = format!("[env: SERVICECIDR_GUARD_{}=", flag.replace('-', "_").to_uppercase());
        assert!(flag == "help" || help.contains(&variable), "--{flag} has no {variable}\n{help}");
    }
    let refused = program().args(["serve", "--dev"]).env("SERVICECIDR_GUARD_LISTEN", "0.0.0.0:0").output().unwrap();
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: --dev serves on loopback only, not on 0.0.0.0:0\nhint: 127.0.0.1 and [::1] are loopback\n"
    );
}

#[test]
fn dev_server_prints_working_curl_commands() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut child = program()
        .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let commands: Vec<String> =
        lines.by_ref().take_while(|line| !line.contains("Ctrl-C")).filter(|line| line.contains("curl ")).collect();
    thread::spawn(move || lines.count());
    thread::sleep(Duration::from_millis(200));
    let answers: Vec<String> = commands
        .iter()
        .map(|command| {
            let ran = std::process::Command::new("sh").args(["-c", command]).current_dir(folder.path()).output();
            String::from_utf8(ran.unwrap().stdout).unwrap()
        })
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answers.len(), 2, "{commands:?}");
    assert!(answers[0].contains(r#""allowed":true"#), "{answers:?}");
    let warning = "IPv4: 14 usable, 14 used, 0 free; with newcidr1: 254 usable, 240 free (+240)";
    assert!(answers[0].contains(warning), "{answers:?}");
    let whole = fs::read_to_string(fixtures().join("dev/response.json")).unwrap();
    assert_eq!(answers[0].trim(), whole.trim());
    let readme = fs::read_to_string(fixtures().join("../../README.md")).unwrap();
    // With the default port.
    let (curl, url) = commands[0].trim().split_once(" https://").unwrap();
    let path = url.split_once('/').unwrap().1;
    let shown = format!("{curl} https://127.0.0.1:8443/{path} | jq '.response | {{allowed, warnings}}'");
    assert!(normalize_whitespace(&readme.replace("\\\n", " ")).contains(&shown), "README.md lacks {shown}");
    // As jq formats it.
    let answer: Value = serde_json::from_str(&answers[0]).unwrap();
    let excerpt = json!({"allowed": answer["response"]["allowed"], "warnings": answer["response"]["warnings"]});
    let excerpt = serde_json::to_string_pretty(&excerpt).unwrap();
    assert!(readme.contains(&format!("```json\n{excerpt}\n```\n")), "README.md lacks {excerpt}");
    let denied: Value = serde_json::from_str(&answers[1]).unwrap();
    let causes = &denied["response"]["status"]["details"]["causes"];
    assert_eq!(
        (&causes[0]["field"], &causes[0]["reason"]),
        (&"spec.cidrs[0]".into(), &"allowed-ranges".into()),
        "{answers:?}"
    );
}
