//! `Manifest`: one object of a document: a ServiceCIDR, an AdmissionReview, or something else.

use serde_json::value::RawValue;

use crate::diagnostic::Diagnostic;
use crate::inventory::ValidationError;
use crate::k8s::fields::{Problem, fields, string};
use crate::k8s::{RequestError, Review};
use crate::policy::Request;
use crate::text::escape_line;

use super::document::ManifestDocument;
use super::error::ManifestError;

/// The largest depth of nested lists.
const MAX_LISTS: usize = 4;

/// One object of a document.
pub struct Manifest<'a> {
    /// The document of the object.
    pub text: &'a ManifestDocument<'a>,
    /// The offsets of its parts in the document.
    pub places: SourceSpans,
    /// The parsed object.
    pub what: ManifestKind,
}

/// The kinds of objects in manifests.
pub enum ManifestKind {
    /// A ServiceCIDR.
    ServiceCidr(ServiceCidrManifest),
    /// The request of an AdmissionReview, or why the webhook rejects it.
    Review(Result<Request, RequestError>),
    /// An object of another kind, which is not evaluated.
    Other(String),
}

/// A ServiceCIDR of a manifest.
#[derive(Debug)]
pub struct ServiceCidrManifest {
    /// The API version; `None` if it is unknown.
    pub version: Option<Version>,
    /// `metadata.name`; empty if there is none.
    pub name: String,
    /// `metadata.generateName`; empty if there is none.
    pub generate_name: String,
    /// `spec.cidrs`, or why it can't be parsed.
    pub cidrs: Result<Vec<String>, ValidationError>,
}

/// An API version of ServiceCIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// networking.k8s.io/v1: served since Kubernetes 1.33.
    V1,
    /// networking.k8s.io/v1beta1: removed in 1.37.
    V1Beta1,
    /// networking.k8s.io/v1alpha1: removed before that.
    V1Alpha1,
}

/// The offsets of the parts of an object, in bytes.
#[derive(Debug, Default)]
pub struct SourceSpans {
    object: usize,
    name: Option<usize>,
    list: Option<usize>,
    entries: Vec<usize>,
}

/// The apiVersion and kind of a list, for items without their own.
#[derive(Clone, Copy, Default)]
struct Inherited<'a> {
    api_version: Option<&'a str>,
    kind: Option<&'a str>,
    depth: usize,
}

/// Passes on the objects of a document.
pub(super) fn each<E: From<ManifestError>>(
    text: &ManifestDocument<'_>,
    each: &mut dyn FnMut(Manifest<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let value: &RawValue = serde_json::from_str(text.json()).map_err(|error| {
        // The document was parsed before, or is generated JSON.
        invalid(text.diagnostic(0, format!("not JSON: {}", escape_line(&error.to_string()))))
    })?;
    if value.get() == "null" { Ok(()) } else { of_value(text, value, Inherited::default(), each) }
}

fn of_value<E: From<ManifestError>>(
    text: &ManifestDocument<'_>,
    value: &RawValue,
    inherited: Inherited<'_>,
    each: &mut dyn FnMut(Manifest<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let wrong =
        |value: &RawValue, message: &str| invalid(text.diagnostic(text.offset(value.get()), message.to_owned()));
    let [api_version, kind, items, metadata, spec] = fields(value, ["apiVersion", "kind", "items", "metadata", "spec"])
        .map_err(|problem| wrong(value, &format!("a manifest that {}", escape_line(&problem))))?;
    let api_version = api_version.map(string).transpose().ok().flatten();
    let kind = kind.map(string).transpose().ok().flatten();
    let api_version = api_version.as_deref().or(inherited.api_version);
    let kind = kind.as_deref().or(inherited.kind).unwrap_or_default();
    if let Some(item_kind) = list_of(kind, items) {
        let items = items.ok_or_else(|| wrong(value, "a list without items"))?;
        let all: Vec<&RawValue> = serde_json::from_str(items.get()).map_err(|_| wrong(items, "items is not a list"))?;
        if inherited.depth == MAX_LISTS {
            return Err(wrong(value, "too many nested lists: split them").into());
        }
        let own = Some(item_kind).filter(|item_kind| !item_kind.is_empty());
        let api_version = api_version.filter(|_| own.is_some());
        let inherited = Inherited { api_version, kind: own, depth: inherited.depth + 1 };
        return all.into_iter().try_for_each(|item| of_value(text, item, inherited, each));
    }
    let (what, places) = if kind == "AdmissionReview" {
        let review = Review::parse(value.get().as_bytes())
            .map_err(|error| wrong(value, &format!("AdmissionReview: {}", escape_line(&error.to_string()))))?;
        match review.request() {
            Err(RequestError::Resource(_)) => {
                (ManifestKind::Other("AdmissionReview".to_owned()), SourceSpans::default())
            }
            request => (ManifestKind::Review(request), places_of_review(text, value)),
        }
    } else if kind == "ServiceCIDR" && api_version.is_none_or(|version| version.starts_with("networking.k8s.io/")) {
        let version = version(api_version);
        let written = written(version, metadata, spec);
        (ManifestKind::ServiceCidr(written), SourceSpans::item_kind(text, value, metadata, spec))
    } else {
        (ManifestKind::Other(kind.to_owned()), SourceSpans::default())
    };
    each(Manifest { text, places, what })
}

/// The kind of the items if the object is a list. A kind of another API may end in `List` and not be one.
fn list_of<'a>(kind: &'a str, items: Option<&RawValue>) -> Option<&'a str> {
    let item_kind = kind.strip_suffix("List")?;
    let is_list = ["", "ServiceCIDR"].contains(&item_kind) || items.is_some_and(|items| items.get().starts_with('['));
    is_list.then_some(item_kind)
}

fn invalid(diagnostic: Diagnostic) -> ManifestError {
    ManifestError::Invalid(Box::new(diagnostic))
}

fn version(api_version: Option<&str>) -> Result<Version, ValidationError> {
    match api_version {
        None => Err(ValidationError::Missing { field: "apiVersion" }),
        Some("networking.k8s.io/v1") => Ok(Version::V1),
        Some("networking.k8s.io/v1beta1") => Ok(Version::V1Beta1),
        Some("networking.k8s.io/v1alpha1") => Ok(Version::V1Alpha1),
        Some(other) => Err(ValidationError::Version { text: other.to_owned() }),
    }
}

fn written(
    version: Result<Version, ValidationError>,
    metadata: Option<&RawValue>,
    spec: Option<&RawValue>,
) -> ServiceCidrManifest {
    let mut written = ServiceCidrManifest {
        version: version.as_ref().ok().copied(),
        name: String::new(),
        generate_name: String::new(),
        cidrs: Ok(Vec::new()),
    };
    let names = names(metadata);
    if let Ok([name, generate_name]) = &names {
        written.name.clone_from(name);
        written.generate_name.clone_from(generate_name);
    }
    written.cidrs = version.and_then(|_| names.and_then(|_| cidrs(spec)));
    written
}

fn names(metadata: Option<&RawValue>) -> Result<[String; 2], ValidationError> {
    let Some(metadata) = metadata else { return Ok(<[String; 2]>::default()) };
    let [name, generate_name] = fields(metadata, ["name", "generateName"]).map_err(unreadable("metadata"))?;
    let text = |field, value: Option<&RawValue>| value.map(string).transpose().map_err(unreadable(field));
    Ok([
        text("metadata.name", name)?.unwrap_or_default(),
        text("metadata.generateName", generate_name)?.unwrap_or_default(),
    ])
}

fn cidrs(spec: Option<&RawValue>) -> Result<Vec<String>, ValidationError> {
    let Some(spec) = spec else { return Ok(Vec::new()) };
    let [list] = fields(spec, ["cidrs"]).map_err(unreadable("spec"))?;
    let strings = list.map(crate::k8s::fields::strings).transpose();
    Ok(strings.map_err(unreadable("spec.cidrs"))?.unwrap_or_default())
}

fn unreadable(field: &'static str) -> impl Fn(Problem) -> ValidationError {
    move |problem| ValidationError::Unreadable { field, problem }
}

/// The offsets of the object of a review, or of the old object of a DELETE.
fn places_of_review(text: &ManifestDocument<'_>, review: &RawValue) -> SourceSpans {
    let whole = SourceSpans { object: text.offset(review.get()), ..SourceSpans::default() };
    let request = fields(review, ["request"]).ok().and_then(|[request]| request);
    let sides = request.and_then(|request| fields(request, ["object", "oldObject"]).ok());
    let Some([object, old_object]) = sides else { return whole };
    let Some(object) = object.or(old_object) else { return whole };
    let [metadata, spec] = fields(object, ["metadata", "spec"]).unwrap_or_default();
    SourceSpans::item_kind(text, object, metadata, spec)
}

impl SourceSpans {
    fn item_kind(
        text: &ManifestDocument<'_>,
        object: &RawValue,
        metadata: Option<&RawValue>,
        spec: Option<&RawValue>,
    ) -> Self {
        let offset = |value: &RawValue| text.offset(value.get());
        let [name, generate_name] =
            metadata.and_then(|metadata| fields(metadata, ["name", "generateName"]).ok()).unwrap_or_default();
        let list = spec.and_then(|spec| fields(spec, ["cidrs"]).ok()).and_then(|[list]| list);
        let entries: Vec<&RawValue> = list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
        Self {
            object: offset(object),
            name: name.or(generate_name).or(metadata).map(offset),
            list: list.or(spec).map(offset),
            entries: entries.into_iter().map(offset).collect(),
        }
    }

    /// The offset of a field, or of its closest parent.
    #[must_use]
    pub fn of_field(&self, field: &str) -> usize {
        let field = field.strip_prefix("object.").unwrap_or(field);
        let entry = field.strip_prefix("spec.cidrs[").and_then(|rest| rest.strip_suffix(']'));
        let entry = entry.and_then(|index| self.entries.get(index.parse::<usize>().ok()?).copied());
        let part = if field.starts_with("spec") {
            self.list
        } else if field.starts_with("metadata") {
            self.name
        } else {
            None
        };
        entry.or(part).unwrap_or(self.object)
    }

    /// The offset to report: the first CIDR, else the name, else the object.
    #[must_use]
    pub fn first(&self) -> usize {
        self.entries.first().copied().or(self.name).unwrap_or(self.object)
    }
}
