//! The AdmissionReview response for a verdict, within the limits of Kubernetes.

use std::collections::{BTreeMap, HashMap, HashSet};

use kube::core::DynamicObject;
use kube::core::admission::{AdmissionResponse, AdmissionReview};
use kube::core::response::{Status, StatusCause, StatusDetails, StatusSummary};

use crate::api::ChangePreviewDocument;
use crate::policy::{ChangePreview, Verdict, Violation};

use super::{RequestError, Review};

/// The longest message of a denial, in bytes.
const MAX_MESSAGE: usize = 1024;
/// The longest warning that Kubernetes always delivers, in characters ("runes").
const MAX_WARNING: usize = 256;
/// The number of characters of warnings that Kubernetes delivers for one request, from all webhooks.
const MAX_WARNINGS: usize = 4096;

/// The outcome of a review.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionOutcome<'a> {
    /// The name of the ServiceCIDR.
    pub name: &'a str,
    /// The findings.
    pub verdict: &'a Verdict,
    /// The effect of the request, if a preview is enabled.
    pub preview: Option<&'a ChangePreview>,
}

/// The response to a review: the verdict on its request, or why the request is invalid.
#[must_use]
pub fn respond(
    review: &Review<'_>,
    outcome: Result<AdmissionOutcome<'_>, &RequestError>,
) -> AdmissionReview<DynamicObject> {
    // `invalid` is the only constructor that needs no parsed request.
    let mut response = AdmissionResponse::invalid("");
    response.uid = review.uid();
    response.result = Status::default();
    match outcome {
        Err(refusal) => response.result = failure(400, "BadRequest", &refusal.to_string()),
        Ok(AdmissionOutcome { name, verdict, preview }) => {
            response.allowed = verdict.allows();
            if !response.allowed {
                response.result = denied(name, verdict);
            }
            let outlook_sentences = preview.map(|preview| preview.sentences(verdict)).unwrap_or_default();
            let warnings = within_budget(verdict.warnings().map(Violation::to_string).chain(outlook_sentences));
            response.warnings = (!warnings.is_empty()).then_some(warnings);
            response.audit_annotations = annotations(verdict, preview);
        }
    }
    response.into_review()
}

/// 403 if a rule denies, 422 if kube-apiserver's own validation would.
fn denied(name: &str, verdict: &Verdict) -> Status {
    let is_invalid = verdict.denials().any(|violation| matches!(violation, Violation::Invalid(_)));
    let (code, reason) = if is_invalid { (422, "Invalid") } else { (403, "Forbidden") };
    let sentences: Vec<String> = verdict.denials().map(Violation::to_string).collect();
    let alternatives = verdict.alternatives.iter().map(ToString::to_string);
    let causes = verdict.denials().map(|violation| StatusCause {
        reason: violation.rule().as_str().to_owned(),
        message: truncate_utf8(&violation.message(), MAX_MESSAGE),
        field: violation.field(),
    });
    let causes = causes.collect();
    let parts: Vec<String> = sentences.into_iter().chain(alternatives).collect();
    let details = StatusDetails {
        name: truncate_utf8(name, 253),
        group: "networking.k8s.io".to_owned(),
        kind: "ServiceCIDR".to_owned(),
        uid: String::new(),
        causes,
        retry_after_seconds: 0,
    };
    Status { details: Some(details), ..failure(code, reason, &parts.join("; ")) }
}

fn failure(code: u16, reason: &str, message: &str) -> Status {
    Status {
        status: Some(StatusSummary::Failure),
        code,
        message: truncate_utf8(message, MAX_MESSAGE),
        reason: reason.to_owned(),
        ..Status::default()
    }
}

/// One annotation per rule: its id, with its messages; and `preview`: the effect of the request, as JSON.
/// kube-apiserver prefixes the key with the name of the webhook.
fn annotations(verdict: &Verdict, preview: Option<&ChangePreview>) -> HashMap<String, String> {
    let mut by_rule: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for violation in verdict.audits() {
        by_rule.entry(violation.rule().as_str()).or_default().push(violation.to_string());
    }
    let capacity = preview.and_then(|preview| serde_json::to_string(&ChangePreviewDocument::new(preview)).ok());
    let capacity = capacity.map(|json| ("preview".to_owned(), json));
    by_rule.into_iter().map(|(rule, sentences)| (rule.to_owned(), sentences.join("; "))).chain(capacity).collect()
}

/// The warnings that Kubernetes delivers completely.
fn within_budget(warnings: impl Iterator<Item = String>) -> Vec<String> {
    let mut left = MAX_WARNINGS;
    // Kubernetes drops repeated warnings.
    let mut seen = HashSet::new();
    warnings
        .flat_map(|warning| split_warning(&warning))
        .filter(|warning| seen.insert(warning.clone()))
        .take_while(|warning| {
            let length = warning.chars().count();
            let fits = length <= left;
            left = left.saturating_sub(length);
            fits
        })
        .collect()
}

/// A warning in parts of at most 256 characters. A list continues in the next part, which repeats the field; other
/// text is truncated.
fn split_warning(warning: &str) -> Vec<String> {
    let field = warning.split_once(": ").map(|(field, _)| field).filter(|field| field.chars().count() < 32);
    let again = field.map(|field| format!("{field}: ")).unwrap_or_default();
    let mut parts: Vec<String> = Vec::new();
    for piece in warning.split_inclusive(", ") {
        let length = |text: &str| text.trim_end().chars().count();
        match parts.last_mut() {
            // Two for the ellipsis and the blank of a continued part.
            Some(part) if part.chars().count() + length(piece) + 2 <= MAX_WARNING => part.push_str(piece),
            Some(part) => {
                let rest = format!("{again}… {piece}");
                part.truncate(part.trim_end().len());
                part.push_str(" …");
                parts.push(rest);
            }
            None => parts.push(piece.to_owned()),
        }
    }
    let truncated = |part: String| match part.char_indices().nth(MAX_WARNING) {
        Some(_) => part.chars().take(MAX_WARNING - 1).chain(['…']).collect(),
        None => part,
    };
    parts.into_iter().map(truncated).collect()
}

/// At most `limit` bytes of a text: whole characters, with an ellipsis if it is truncated.
fn truncate_utf8(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_stay_within_kubernetes_limits() {
        let long = within_budget(["ü".repeat(257)].into_iter());
        assert_eq!(long, [format!("{}…", "ü".repeat(255))]);
        let exact = within_budget(["ü".repeat(256)].into_iter());
        assert_eq!(exact, ["ü".repeat(256)]);
        let list = format!("all of: {}", ["10.96.100.200 (default/a-service)"; 10].join(", "));
        let parts = within_budget([list.clone()].into_iter());
        assert!(parts.len() == 2 && parts.iter().all(|part| part.chars().count() <= 256), "{parts:?}");
        assert_eq!(parts.join("|").replace(" …|all of: … ", " "), list);
        assert_eq!(within_budget(["a".to_owned(), "b".to_owned(), "a".to_owned()].into_iter()), ["a", "b"]);
        let many = within_budget((0..20_u8).map(|number| char::from(b'a' + number).to_string().repeat(256)));
        assert_eq!(many.len(), 16);
    }

    #[test]
    fn truncation_keeps_whole_characters() {
        assert_eq!(truncate_utf8("abcdef", 6), "abcdef");
        assert_eq!(truncate_utf8("abcdefg", 6), "abc…");
        assert_eq!(truncate_utf8("üüüü", 7), "üü…");
    }
}
