//! The results for programs: a public schema. Counts are decimal strings, for they exceed 2^64.

mod check;
mod diagnostic;
mod floor;
mod outlook;
mod removal;
mod report;

use serde::{Serialize, Serializer};

use crate::capacity::Named;
use crate::inventory::Allocation;

pub(crate) use check::{CheckFinding, CheckReport, CheckResult};
pub use diagnostic::Diagnostic;
pub(crate) use floor::{Floor, FloorError};
pub(crate) use outlook::OutlookDocument;
pub(crate) use removal::RemovalDocument;
pub(crate) use report::{Entry, ForecastDocument, Report};

/// A result with its version and kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    content: T,
}

impl<T: Serialize> Document<T> {
    /// A result of a kind.
    pub fn new(kind: &'static str, content: T) -> Self {
        Self { api_version: "servicecidr-guard/v1alpha1", kind, content }
    }
}

/// How many, and the first ten.
#[derive(Serialize)]
pub(crate) struct NamedDocument<T> {
    count: Count,
    first: Vec<T>,
}

/// An IPAddress and who holds it.
#[derive(Serialize)]
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

impl<T> NamedDocument<T> {
    pub fn new<S>(named: &Named<S>, each: impl Fn(&S) -> T) -> Self {
        Self { count: Count(named.count), first: named.first.iter().map(each).collect() }
    }
}

impl AddressDocument {
    /// Who holds it, for people.
    pub fn holder(&self) -> String {
        match self.resource.as_str() {
            "services" => format!("{}/{}", self.namespace, self.name),
            resource => format!("{resource} {}/{}", self.namespace, self.name),
        }
    }

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

/// A percentage with one digit.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
