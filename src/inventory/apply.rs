//! `Change::from_apply`: what `kubectl apply` of a manifest changes, with every error of kube-apiserver's own
//! validation.
//!
//! Upstream: pkg/apis/networking/validation/validation.go.

use super::change::validate_cidrs;
use super::{Change, Operation, ValidationError};

impl Change {
    /// The change that creates a ServiceCIDR, or that updates the stored one of the same name to this list.
    ///
    /// The errors are those of kube-apiserver, which calls no webhook for an object that it rejects itself.
    #[must_use]
    pub fn from_apply(name: &str, stored: Option<&[String]>, new: &[String]) -> Self {
        let Some(old) = stored else { return Self::diff(Operation::Create, name, &[], new) };
        let mut change = Self::diff(Operation::Update, name, old, new);
        change.errors = validate_update(old, new);
        change
    }
}

fn validate_update(old: &[String], new: &[String]) -> Vec<ValidationError> {
    let changed = old.iter().zip(new).enumerate().filter(|(_, (old, new))| old != new);
    let changed = changed.map(|(index, (_, text))| ValidationError::Immutable { index, text: text.clone() });
    match (old, new) {
        (old, new) if old.len() == new.len() => changed.collect(),
        ([_], [_, _]) => changed.chain(validate_cidrs(new)).collect(),
        _ => vec![ValidationError::ImmutableList],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &[&str], new: &[&str], expected: &str) {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let change = Change::from_apply("a", Some(&owned(old)), &owned(new));
        let seen = change.errors.iter().map(|fault| match fault {
            ValidationError::Immutable { index, .. } => format!("imm{index}"),
            ValidationError::ImmutableList => "imm".to_owned(),
            ValidationError::SameFamily => "F".to_owned(),
            ValidationError::Malformed { index, .. } => format!("[{index}]"),
            _ => unreachable!("{fault:?}"),
        });
        assert_eq!(seen.collect::<Vec<_>>().join(","), expected, "{old:?} -> {new:?}");
    }

    /// The errors of Kubernetes 1.37.2: imm immutable, F same family, [i] malformed entry.
    #[test]
    fn update_validation_matches_kube_apiserver() {
        let (v4, v6, wide) = ("10.0.0.0/24", "fd00::/64", "10.0.0.0/16");
        check(&[v4], &[v4], "");
        check(&[v4], &[v4, v6], "");
        check(&[v6], &[v6, v4], "");
        check(&[v4], &[v6, v4], "imm0");
        check(&[v4], &[wide], "imm0");
        check(&[v4], &[wide, v6], "imm0");
        check(&[v4], &[v4, "10.1.0.0/24"], "F");
        check(&[v4], &[v4, v4], "F");
        check(&[v4], &[v4, "FD00::/64"], "[1]");
        check(&[v4], &[v4, "fd00::/48"], "");
        check(&[v4, v6], &[v6, v4], "imm0,imm1");
        check(&[v4, v6], &[v4], "imm");
        check(&[v4, v6], &[], "imm");
        check(&[v4], &[], "imm");
        check(&[v4], &[v4, v6, wide], "imm");
        check(&[v4, v6], &[v4, "fd01::/64"], "imm1");
        check(&["010.0.0.0/24"], &["010.0.0.0/24"], "");
        check(&["010.0.0.0/24"], &["010.0.0.0/24", v6], "[0]");
        check(&[v4], &["10.0.0.0/24 "], "imm0");
        check(&[], &[], "");
        check(&[], &[v4], "imm");
    }
}
