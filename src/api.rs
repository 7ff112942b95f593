//! Machine-readable results: a public schema. Counts are decimal strings, because they can exceed 2^64.

mod change_preview;
mod check;
mod deletion_impact;
mod preview_response;
mod report;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::capacity::CappedList;
use crate::inventory::Allocation;

pub(crate) use change_preview::ChangePreviewDocument;
pub(crate) use check::{CheckFinding, CheckReport, CheckResult};
pub(crate) use deletion_impact::DeletionImpactDocument;
pub(crate) use preview_response::PreviewResponse;
pub(crate) use report::{Blocks, Entry, FamilyDocument, ForecastDocument, Report};

/// The `apiVersion` of every result and of the policy file.
pub(crate) const API_VERSION: &str = "servicecidr-guard/v1alpha1";

/// A result with its apiVersion and kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    content: T,
}

impl<T: Serialize> Document<T> {
    /// A result of this kind.
    pub fn new(kind: &'static str, content: T) -> Self {
        Self { api_version: API_VERSION, kind, content }
    }
}

/// The first ten items of a list, and how many it has in all.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CappedListDocument<T> {
    count: Count,
    first: Vec<T>,
}

/// An IPAddress and its parent.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressDocument {
    address: String,
    resource: String,
    namespace: String,
    name: String,
    managed: bool,
}

/// A count, as a decimal string.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub u128);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Count {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A count, as a decimal string: it may exceed 2^64.", "type": "string", "pattern": "^[0-9]+$"})
    }
}

/// The JSON Schema (2020-12) of a result of a kind: with all its fields, and no others.
pub(crate) fn schema<T: JsonSchema>(kind: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(closed));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), kind.into());
    for (field, value) in [("kind", kind), ("apiVersion", API_VERSION)] {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(field.to_owned(), json!({"const": value}));
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.insert(0, field.into());
        }
    }
    schema
}

/// Forbids fields without a schema.
fn closed(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

impl<T> CappedListDocument<T> {
    pub fn new<S>(named: &CappedList<S>, each: impl Fn(&S) -> T) -> Self {
        Self { count: Count(named.count), first: named.first.iter().map(each).collect() }
    }
}

impl AddressDocument {
    pub fn new(allocation: &Allocation) -> Self {
        let parent = &allocation.parent;
        Self {
            address: allocation.address.to_string(),
            resource: parent.resource.clone(),
            namespace: parent.namespace.clone(),
            name: parent.name.clone(),
            managed: allocation.is_managed,
        }
    }
}

/// A percentage, rounded to one decimal.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
