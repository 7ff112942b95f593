//! Files of the chart: values, schema, README, alerts and dashboard agree with each other and with the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// Environment variable: writes generated files instead of comparing them.
const UPDATE: &str = "UPDATE_GOLDEN";
/// The longest default in the table of the README.
const LONGEST_DEFAULT: usize = 40;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn chart(path: &str) -> String {
    read(&format!("charts/servicecidr-guard/{path}"))
}

/// A value of `values.yaml` and its comment `# -- …`.
struct DocumentedValue {
    path: Vec<String>,
    meaning: String,
}

impl DocumentedValue {
    fn all(values: &str) -> Vec<Self> {
        let mut all = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let mut meaning: Option<String> = None;
        for line in values.lines() {
            let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
            match (text.strip_prefix("# -- "), text.strip_prefix("# "), &mut meaning) {
                (Some(first), ..) => meaning = Some(first.to_owned()),
                (None, Some(more), Some(meaning)) => *meaning = format!("{meaning} {more}"),
                _ if text.starts_with(['#', '-']) => {}
                _ => {
                    let Some((key, _)) = text.split_once(':') else { continue };
                    path.truncate(indent / 2);
                    path.push(key.to_owned());
                    if let Some(meaning) = meaning.take() {
                        all.push(Self { path: path.clone(), meaning });
                    }
                }
            }
        }
        all
    }

    fn name(&self) -> String {
        self.path.join(".")
    }

    fn row(&self, values: &Value) -> String {
        let default = values.pointer(&format!("/{}", self.path.join("/"))).unwrap();
        let default = match default.to_string() {
            text if text.len() > LONGEST_DEFAULT => "see `values.yaml`".to_owned(),
            text => format!("`{text}`"),
        };
        format!("| `{}` | {default} | {} |\n", self.name(), self.meaning)
    }
}

fn values() -> Value {
    serde_saphyr::from_str(&chart("values.yaml")).unwrap()
}

#[test]
fn readme_lists_values() {
    let (start, end) = ("<!-- values -->\n", "<!-- end of values -->");
    let rows: String = DocumentedValue::all(&chart("values.yaml")).iter().map(|value| value.row(&values())).collect();
    let table = format!("\n| Value | Default | Meaning |\n|-------|---------|---------|\n{rows}\n");
    let readme = chart("README.md");
    let (before, rest) = readme.split_once(start).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    assert!(rows.lines().count() > 90, "only {rows}");
    if std::env::var_os(UPDATE).is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/servicecidr-guard/README.md");
        fs::write(path, format!("{before}{start}{table}{end}{after}")).unwrap();
    } else {
        assert!(found == table, "the table of values differs: {UPDATE}=1 writes it");
    }
}

/// Calls `visit` with the path of each leaf, as in the README.
fn leaves(value: &Value, path: &str, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                leaves(field, &format!("{path}.{name}"), visit);
            }
        }
        _ => visit(path.trim_start_matches('.')),
    }
}

#[test]
fn every_value_is_documented() {
    let documented: Vec<String> =
        DocumentedValue::all(&chart("values.yaml")).iter().map(DocumentedValue::name).collect();
    leaves(&values(), "", &mut |leaf| {
        let is_part = |name: &String| leaf == *name || leaf.starts_with(&format!("{name}."));
        assert!(documented.iter().any(is_part), "values.yaml: {leaf} has no comment `# -- …`");
    });
}

#[test]
fn schema_matches_values() {
    let schema: Value = serde_json::from_str(&chart("values.schema.json")).unwrap();
    assert_same_fields(&schema, values().as_object().unwrap(), "");
}

/// Checks that objects with named fields deny others, and have the fields of the values.
fn assert_same_fields(schema: &Value, values: &Map<String, Value>, path: &str) {
    // Set by a parent chart, and the policy, whose schema another test checks.
    let elsewhere = ["enabled", "global", "policy"];
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], Value::Bool(false), "values.schema.json: {path} allows any field");
    for (name, property) in properties {
        let is_elsewhere = path.is_empty() && elsewhere.contains(&name.as_str());
        let is_free = path == ".tls.certManager.issuerRef";
        assert!(is_elsewhere || is_free || values.contains_key(name), "values.yaml lacks {path}.{name}");
        if let (false, Some(Value::Object(fields))) = (is_elsewhere, values.get(name)) {
            assert_same_fields(property, fields, &format!("{path}.{name}"));
        }
    }
    for name in values.keys() {
        assert!(properties.contains_key(name), "values.schema.json lacks {path}.{name}");
    }
}

/// The metric names of the program in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("servicecidr_guard_")).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_use_documented_metrics() {
    let documented = metrics(&read("docs/metrics.md"));
    for (file, least) in [("files/alerts.yaml", 12), ("files/dashboard.json", 20)] {
        let named = metrics(&chart(file));
        assert!(named.len() >= least, "{file} names only {named:?}");
        for metric in named {
            let base = metric.trim_end_matches("_bucket");
            assert!(documented.contains(base), "{file}: docs/metrics.md has no {metric}");
        }
    }
}

#[test]
fn every_alert_has_a_test_and_annotations() {
    let file: Value = serde_saphyr::from_str(&chart("files/alerts.yaml")).unwrap();
    let tests = read("tests/chart/alerts_test.yaml");
    let groups = file["groups"].as_array().unwrap().iter();
    let rules: Vec<&Value> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() >= 14, "only {} alerts", rules.len());
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        let fires = format!("ALERTS{{alertname=\"{name}\",alertstate=\"firing\"");
        assert!(tests.contains(&fires), "tests/chart/alerts_test.yaml never sees {name} fire");
        for field in ["/labels/severity", "/annotations/summary", "/annotations/description"] {
            assert!(rule.pointer(field).is_some_and(Value::is_string), "{name} has no {field}");
        }
    }
}

#[test]
fn alerts_and_dashboard_select_the_webhooks() {
    let configuration = chart("templates/validatingwebhookconfiguration.yaml");
    let names: Vec<&str> = configuration.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
    assert_eq!(names, ["enforce.servicecidr-guard.local", "warn.servicecidr-guard.local"]);
    for file in ["files/alerts.yaml", "files/dashboard.json"] {
        assert!(chart(file).contains("(enforce|warn)"), "{file} doesn't select the webhooks");
    }
}

#[test]
fn every_alert_has_a_runbook() {
    // The alerts as rendered by helm.
    let rendered = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chart/everything/rendered.yaml");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&fs::read_to_string(rendered).unwrap()).unwrap();
    let rules = objects.into_iter().find(|object| object["kind"] == "PrometheusRule").unwrap();
    let groups = rules["spec"]["groups"].as_array().unwrap().iter();
    let alerts: Vec<&Value> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(alerts.len() > 10);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        let page = alert["annotations"]["runbook_url"].as_str().unwrap().rsplit('/').next().unwrap();
        let text = fs::read_to_string(folder.join(page)).unwrap_or_else(|error| panic!("{name}: {page}: {error}"));
        assert!(text.starts_with(&format!("# {name}\n")), "{page} isn't about {name}");
        assert!(index.contains(&format!("| [{name}]({page}) |")), "docs/runbooks/README.md lacks {name}");
    }
}
