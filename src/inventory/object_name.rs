//! The names of new objects, as kube-apiserver validates them.
//!
//! Upstream: pkg/apis/networking/validation/validation.go, and the generated names of
//! staging/src/k8s.io/apiserver/pkg/storage/names/generate.go.

use crate::text::{MAX_NAME_LEN, is_dns_subdomain};

use super::ValidationError;

/// The number of characters of a `generateName` that kube-apiserver keeps before the five random ones.
const MAX_BASE: usize = 58;

/// The errors in the name of a new object.
#[must_use]
pub fn validate_name(name: &str, generate_name: &str) -> Vec<ValidationError> {
    let mut faults = Vec::new();
    if !generate_name.is_empty() && !is_valid_generate_name(generate_name) {
        faults.push(ValidationError::Name { field: "metadata.generateName", text: generate_name.to_owned() });
    }
    match (name, generate_name) {
        ("", "") => faults.push(ValidationError::NoName),
        ("", _) => {}
        (name, _) if is_dns_subdomain(name) => {}
        (name, _) => faults.push(ValidationError::Name { field: "metadata.name", text: name.to_owned() }),
    }
    faults
}

/// Whether a `generateName` is valid: it is checked as a prefix, and the generated name is checked too.
fn is_valid_generate_name(base: &str) -> bool {
    let masked = match base.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut characters = rest.chars();
            characters.next_back();
            format!("{}a", characters.as_str())
        }
        _ => base.to_owned(),
    };
    let kept: String = base.chars().take(MAX_BASE).collect();
    is_dns_subdomain(&masked) && base.len() <= MAX_NAME_LEN && is_dns_subdomain(&format!("{kept}x0x0x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_validation_matches_kube_apiserver() {
        for good in ["kubernetes", "a.b-c.1", "1", "10.0.0.0", &"a".repeat(253)] {
            assert_eq!(validate_name(good, ""), [], "{good}");
        }
        for bad in ["A", "-a", "a-", "a_b", "a..b", "a/b", ".a", "a.", "ä", &"a".repeat(254)] {
            let fault = ValidationError::Name { field: "metadata.name", text: bad.to_owned() };
            assert_eq!(validate_name(bad, ""), [fault], "{bad}");
        }
        assert_eq!(validate_name("", ""), [ValidationError::NoName]);
        for good in ["team-a-", "a", "a.b", &"a".repeat(253)] {
            assert_eq!(validate_name("", good), [], "{good}");
        }
        for bad in ["Team-", "-", "a.", "a_", "ab.-", "ä-", &"a".repeat(254)] {
            let fault = ValidationError::Name { field: "metadata.generateName", text: bad.to_owned() };
            assert_eq!(validate_name("", bad), [fault], "{bad}");
        }
    }
}
