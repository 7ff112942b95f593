//! `Review`: an AdmissionReview that kube-apiserver sent.

use serde_json::value::RawValue;
use thiserror::Error;

use crate::inventory::{Change, Operation};
use crate::policy::{Request, Subresource};

use super::fields::{Problem, boolean, fields, fields_of, string};
use super::object::{ObjectSlot, ReviewObject};

/// The longest uid that is echoed, in bytes. Those of kube-apiserver have 36.
const MAX_UID: usize = 128;

/// The envelope of an AdmissionReview: enough to respond to it.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    uid: &'a str,
    /// The fields of the request, or what is wrong with it.
    request: Result<Fields<'a>, &'a RawValue>,
}

/// The parsed fields of a request, without its uid.
type Fields<'a> = [Option<&'a RawValue>; 8];

const FIELDS: [&str; 8] = ["resource", "subResource", "operation", "name", "object", "oldObject", "userInfo", "dryRun"];

/// Why bytes are not an AdmissionReview. The response is an HTTP error, not a verdict.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// The bytes are not UTF-8, or not one JSON value.
    #[error("body: not JSON: {0}")]
    NotJson(String),
    /// The JSON is not an AdmissionReview.
    #[error("body: {0}: expected an AdmissionReview of admission.k8s.io/v1 with a request")]
    NotAReview(Problem),
    /// The uid is missing, or can't be echoed.
    #[error("request.uid: {0}: expected a string of 1 to {MAX_UID} bytes")]
    Uid(Problem),
}

/// Why a request is denied before any rule is evaluated: the webhook doesn't evaluate such requests.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// A field of the request can't be parsed.
    #[error("{field}: {problem}")]
    Field {
        /// The path of the field.
        field: &'static str,
        /// What is wrong with the field.
        problem: Problem,
    },
    /// The resource is not ServiceCIDRs.
    #[error(
        "request.resource: unexpected resource {0}: this webhook evaluates servicecidrs of networking.k8s.io/v1 and v1beta1"
    )]
    Resource(String),
    /// The subresource is not `status`.
    #[error(
        "request.subResource: unexpected subresource {0}: this webhook evaluates servicecidrs and servicecidrs/status"
    )]
    Subresource(String),
    /// The operation is not CREATE, UPDATE or DELETE.
    #[error("request.operation: unexpected operation {0}: this webhook evaluates CREATE, UPDATE and DELETE")]
    Operation(String),
    /// The request names one ServiceCIDR and contains another.
    #[error("request.name: {first} and {second} differ: a request is about one ServiceCIDR")]
    Names {
        /// A name in the request.
        first: String,
        /// Another name in the request.
        second: String,
    },
}

impl<'a> Review<'a> {
    /// Parses the envelope, and of the request only its uid.
    ///
    /// # Errors
    /// If the bytes are not an `admission.k8s.io/v1` AdmissionReview whose request has a uid.
    pub fn parse(body: &'a [u8]) -> Result<Self, ReviewError> {
        let text = std::str::from_utf8(body).map_err(|error| ReviewError::NotJson(error.to_string()))?;
        let [api_version, kind, request] = envelope(text)?;
        for (value, field, expected) in
            [(api_version, "apiVersion", "admission.k8s.io/v1"), (kind, "kind", "AdmissionReview")]
        {
            let value = value.map(string).transpose().map_err(|problem| not_a_review(field, &problem))?;
            if value.as_deref() != Some(expected) {
                return Err(not_a_review(field, &format!("is not `{expected}`")));
            }
        }
        let request = request.ok_or_else(|| not_a_review("request", "is missing"))?;
        let (uid, request) = uid_and_fields(request)?;
        let uid = uid.ok_or_else(|| ReviewError::Uid("is missing".to_owned()))?;
        let length = string(uid).map_err(ReviewError::Uid)?.len();
        if length == 0 || length > MAX_UID {
            return Err(ReviewError::Uid(format!("has {length} bytes")));
        }
        Ok(Self { uid: uid.get(), request })
    }

    /// The uid, which the response echoes.
    #[must_use]
    pub fn uid(&self) -> String {
        serde_json::from_str(self.uid).unwrap_or_default()
    }

    /// The requested change, and its user.
    ///
    /// # Errors
    /// If a field can't be parsed, or the request is not for a ServiceCIDR.
    pub fn request(&self) -> Result<Request, RequestError> {
        let [resource, subresource, operation, request_name, object, old_object, user_info, dry_run] =
            self.request.or_else(|request| fields(request, FIELDS)).map_err(at("request"))?;
        check_resource(resource)?;
        let subresource = read_subresource(subresource)?;
        let operation = required_string(operation, "request.operation")?;
        let operation = Operation::named(&operation).ok_or_else(|| RequestError::Operation(quoted(&operation)))?;
        let request_name = request_name.map(string).transpose().map_err(at("request.name"))?.unwrap_or_default();
        let [object, old_object] = [object, old_object].map(ReviewObject::of);
        let name = one_name([object.name().unwrap_or_default(), old_object.name().unwrap_or_default(), request_name])?;
        let dry_run = dry_run.map(boolean).transpose().map_err(at("request.dryRun"))?.unwrap_or(false);
        let requester = user_info.map(username).transpose()?.unwrap_or_default();
        Ok(Request { change: change(operation, &name, &object, &old_object), subresource, requester, dry_run })
    }
}

/// The change between the two objects of a request. Objects that can't be parsed are a validation error of the change
/// and not a request error, because `kubernetes` is exempt whatever its request contains.
fn change(operation: Operation, name: &str, object: &ReviewObject<'_>, old_object: &ReviewObject<'_>) -> Change {
    let lists = || {
        let new = match operation {
            Operation::Create | Operation::Update => object.cidrs(ObjectSlot::New)?,
            Operation::Delete => Vec::new(),
        };
        let old = match operation {
            Operation::Create => Vec::new(),
            Operation::Delete if old_object.is_missing() => Vec::new(),
            Operation::Update | Operation::Delete => old_object.cidrs(ObjectSlot::Old)?,
        };
        Ok((old, new))
    };
    match lists() {
        Ok((old, new)) => Change::diff(operation, name, &old, &new),
        Err(error) => Change::invalid(operation, name, error),
    }
}

/// The fields of the envelope, in one pass if it is well-formed. A second pass finds what is wrong.
fn envelope(text: &str) -> Result<[Option<&RawValue>; 3], ReviewError> {
    const NAMES: [&str; 3] = ["apiVersion", "kind", "request"];
    if let Ok(found) = fields_of(text, NAMES) {
        return Ok(found);
    }
    let envelope: &RawValue = serde_json::from_str(text).map_err(|error| ReviewError::NotJson(error.to_string()))?;
    fields(envelope, NAMES).map_err(ReviewError::NotAReview)
}

/// The uid, and the other fields of a request: an error in those gets a response with the uid.
fn uid_and_fields(request: &RawValue) -> Result<(Option<&RawValue>, Result<Fields<'_>, &RawValue>), ReviewError> {
    let [resource, subresource, operation, name, object, old_object, user_info, dry_run] = FIELDS;
    let all = ["uid", resource, subresource, operation, name, object, old_object, user_info, dry_run];
    if let Ok([uid, found @ ..]) = fields(request, all) {
        return Ok((uid, Ok(found)));
    }
    let [uid] = fields(request, ["uid"]).map_err(|problem| not_a_review("request", &problem))?;
    Ok((uid, Err(request)))
}

fn check_resource(resource: Option<&RawValue>) -> Result<(), RequestError> {
    const FIELD: &str = "request.resource";
    let resource = resource.ok_or_else(|| missing(FIELD))?;
    let [group, version, resource] = fields(resource, ["group", "version", "resource"]).map_err(at(FIELD))?;
    let group = required_string(group, "request.resource.group")?;
    let version = required_string(version, "request.resource.version")?;
    let resource = required_string(resource, "request.resource.resource")?;
    match (group.as_str(), version.as_str(), resource.as_str()) {
        ("networking.k8s.io", "v1" | "v1beta1", "servicecidrs") => Ok(()),
        ("", _, _) => Err(RequestError::Resource(quoted(&format!("{resource}.{version}")))),
        _ => Err(RequestError::Resource(quoted(&format!("{resource}.{version}.{group}")))),
    }
}

fn read_subresource(subresource: Option<&RawValue>) -> Result<Subresource, RequestError> {
    let subresource = subresource.map(string).transpose().map_err(at("request.subResource"))?;
    match subresource.as_deref() {
        None | Some("") => Ok(Subresource::None),
        Some("status") => Ok(Subresource::Status),
        Some(other) => Err(RequestError::Subresource(quoted(other))),
    }
}

/// The one name of a request. Not every request has all names: deletecollection has no `request.name`, a CREATE with
/// `generateName` may have none at all.
fn one_name(names: [String; 3]) -> Result<String, RequestError> {
    let mut names = names.into_iter().filter(|name| !name.is_empty());
    let Some(first) = names.next() else { return Ok(String::new()) };
    match names.find(|name| *name != first) {
        Some(second) => Err(RequestError::Names { first: quoted(&first), second: quoted(&second) }),
        None => Ok(first),
    }
}

fn username(user_info: &RawValue) -> Result<String, RequestError> {
    let [username] = fields(user_info, ["username"]).map_err(at("request.userInfo"))?;
    Ok(username.map(string).transpose().map_err(at("request.userInfo.username"))?.unwrap_or_default())
}

fn required_string(value: Option<&RawValue>, field: &'static str) -> Result<String, RequestError> {
    string(value.ok_or_else(|| missing(field))?).map_err(at(field))
}

fn missing(field: &'static str) -> RequestError {
    RequestError::Field { field, problem: "is missing".to_owned() }
}

fn at(field: &'static str) -> impl Fn(Problem) -> RequestError {
    move |problem| RequestError::Field { field, problem }
}

fn not_a_review(field: &str, problem: &str) -> ReviewError {
    ReviewError::NotAReview(format!("{field} {problem}"))
}

fn quoted(text: &str) -> String {
    crate::text::Quoted(text).to_string()
}
