//! Responses of servicecidr-guard, through its library.

use std::collections::BTreeMap;

use kube::core::DynamicObject;
use kube::core::admission::AdmissionReview;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Change, Inventory, ObservedInventory, Operation, ValidationError};
use servicecidr_guard::k8s::{Review, respond};
use servicecidr_guard::net::CidrError;
use servicecidr_guard::policy::{Policy, evaluate};

/// A response as it is sent, and its parts.
#[derive(Debug)]
pub struct GuardResponse {
    pub uid: String,
    pub body: Box<RawValue>,
    /// The verdict. A rejected review is not allowed.
    pub allowed: bool,
    /// The status code; 0 if allowed.
    pub code: u16,
    pub message: String,
    pub warnings: Vec<String>,
    pub annotations: BTreeMap<String, String>,
    pub causes: usize,
}

/// The policy of a file, if it is valid.
pub fn policy(file: &str) -> Option<Policy> {
    Loaded::from_bytes("policy.yaml", file.as_bytes()).ok().map(|loaded| loaded.policy)
}

/// A policy file with only the rule `allowedRanges`, as YAML.
pub fn allowed_ranges_policy(ranges: &[String]) -> String {
    format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges:\n  ranges: {}\n", json!(ranges))
}

/// A review as kube-apiserver writes it. `None` means null.
pub fn review(operation: &str, name: &str, old: Option<&[String]>, new: Option<&[String]>) -> Value {
    let object = |cidrs: Option<&[String]>| match cidrs {
        None => Value::Null,
        Some(cidrs) => {
            let spec = if cidrs.is_empty() { json!({}) } else { json!({ "cidrs": cidrs }) };
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                "metadata": {"name": name}, "spec": spec, "status": {},
            })
        }
    };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "b3276ca1-f347-49c4-b95e-2dcec3a2d40a", "operation": operation, "name": name, "dryRun": false,
            "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "servicecidrs"},
            "userInfo": {"username": "admin"},
            "object": object(new), "oldObject": object(old),
        },
    })
}

/// The response to a review, without an inventory.
pub fn answer(policy: &Policy, review: &Value) -> GuardResponse {
    let body = serde_json::to_vec(review).unwrap();
    let review = Review::parse(&body).unwrap();
    let (allowed, response) = match review.request() {
        Ok(request) => {
            let verdict = evaluate(policy, &ObservedInventory::absent(&Inventory::default()), &request);
            let answer = servicecidr_guard::k8s::AdmissionOutcome {
                name: &request.change.name,
                verdict: &verdict,
                preview: None,
            };
            (verdict.allows(), respond(&review, Ok(answer)))
        }
        Err(refusal) => (false, respond(&review, Err(&refusal))),
    };
    parse_response(review.uid(), serde_json::to_string(&response).unwrap(), allowed)
}

/// Parses a response into its parts.
pub fn parse_response(uid: String, text: String, allowed: bool) -> GuardResponse {
    let review: AdmissionReview<DynamicObject> = serde_json::from_str(&text).unwrap();
    let response = review.response.unwrap();
    GuardResponse {
        uid,
        body: RawValue::from_string(text).unwrap(),
        allowed,
        code: response.result.code,
        message: response.result.message,
        warnings: response.warnings.unwrap_or_default(),
        annotations: response.audit_annotations.into_iter().collect(),
        causes: response.result.details.map_or(0, |details| details.causes.len()),
    }
}

/// The error of a CIDR, in the short form of the oracle.
pub fn error_letter(error: CidrError) -> String {
    match error {
        CidrError::NotACidr => "a".to_owned(),
        CidrError::LeadingZeros => "b".to_owned(),
        CidrError::Ipv4Mapped => "c".to_owned(),
        CidrError::HostBits { .. } => "d".to_owned(),
        CidrError::NotCanonical { canonical } => format!("e {canonical}"),
    }
}

/// The validation errors of a CREATE, in the short form of the oracle.
pub fn validation_errors(cidrs: &[String]) -> String {
    let change = Change::diff(Operation::Create, "a", &[], cidrs);
    let short = |fault: &ValidationError| match fault {
        ValidationError::NoCidrs => "R".to_owned(),
        ValidationError::TooManyCidrs { .. } => "N".to_owned(),
        ValidationError::SameFamily => "F".to_owned(),
        ValidationError::Malformed { index, error, .. } => format!("[{index}]{}", error_letter(*error)),
        ValidationError::Missing { .. }
        | ValidationError::Unreadable { .. }
        | ValidationError::Version { .. }
        | ValidationError::NoName
        | ValidationError::Name { .. }
        | ValidationError::Immutable { .. }
        | ValidationError::ImmutableList => panic!("{cidrs:?}: {fault:?}"),
    };
    change.errors.iter().map(short).collect::<Vec<_>>().join(",")
}
