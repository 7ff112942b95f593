//! `Change`: what a request changes in one ServiceCIDR.

use std::fmt;

use serde::Deserialize;

use crate::net::{Cidr, CidrError};

/// The CIDRs that a request adds to one ServiceCIDR and removes from it.
///
/// A CIDR is added if its text is not among the old ones. So an UPDATE that keeps a CIDR is not evaluated for it,
/// however that CIDR came to be stored.
///
/// ```
/// use servicecidr_guard::inventory::{Change, Operation};
///
/// let old = ["10.96.0.0/28".to_owned()];
/// let new = ["10.96.0.0/28".to_owned(), "fd00:10:96::/112".to_owned()];
/// let change = Change::diff(Operation::Update, "kubernetes", &old, &new);
/// let added: Vec<&str> = change.adds.iter().map(|added| added.text.as_str()).collect();
/// assert_eq!(added, ["fd00:10:96::/112"]);
/// assert!(!change.keeps_cidrs());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The operation of the request.
    pub operation: Operation,
    /// The name of the ServiceCIDR; empty if it has none yet (`generateName`).
    pub name: String,
    /// The new CIDRs whose text is not among the old ones.
    pub adds: Vec<AddedCidr>,
    /// The old CIDRs whose text is not among the new ones.
    pub removes: Vec<String>,
    /// Whether the two lists are the same text in the same order.
    keeps_list: bool,
    /// Why kube-apiserver would reject the request before admission.
    pub errors: Vec<ValidationError>,
}

/// The admission operations on a stored object.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of a stored object: every PUT and PATCH, including those of finalizers and labels.
    Update,
    /// A request to delete a stored object.
    Delete,
}

/// One CIDR that a request adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedCidr {
    /// The index in `spec.cidrs`, from 0.
    pub index: usize,
    /// The text in the request.
    pub text: String,
    /// The parsed CIDR.
    pub cidr: Result<Cidr, CidrError>,
}

/// An error of kube-apiserver's own validation, which precedes admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidationError {
    /// A required field is absent or null.
    Missing {
        /// The path of the field in the request, for example `object.spec`.
        field: &'static str,
    },
    /// A field can't be parsed.
    Unreadable {
        /// The path of the field in the request.
        field: &'static str,
        /// What is wrong with the field, for example `is not an object`.
        problem: String,
    },
    /// `spec.cidrs` is empty or absent.
    NoCidrs,
    /// `spec.cidrs` has more than two entries.
    TooManyCidrs {
        /// The number of entries.
        count: usize,
    },
    /// Both entries of `spec.cidrs` are of one family.
    SameFamily,
    /// An added entry of `spec.cidrs` is not a canonical CIDR.
    Malformed {
        /// The index of the entry, from 0.
        index: usize,
        /// The text in the request.
        text: String,
        /// Why the text is not a canonical CIDR.
        error: CidrError,
    },
    /// The API version has no ServiceCIDR.
    Version {
        /// The API version in the manifest.
        text: String,
    },
    /// The object has neither a name nor a `generateName`.
    NoName,
    /// The name is not valid.
    Name {
        /// The field: `metadata.name` or `metadata.generateName`.
        field: &'static str,
        /// The text in the manifest.
        text: String,
    },
    /// An entry of `spec.cidrs` differs from the stored one.
    Immutable {
        /// The index of the entry, from 0.
        index: usize,
        /// The text in the manifest.
        text: String,
    },
    /// The stored `spec.cidrs` can't be changed to the new list.
    ImmutableList,
}

impl Change {
    /// The change from the CIDRs `old` to `new`. A CREATE has no old CIDRs, a DELETE no new ones.
    #[must_use]
    pub fn diff(operation: Operation, name: &str, old: &[String], new: &[String]) -> Self {
        let adds = added(old, new);
        let removes = old.iter().filter(|text| !new.contains(text)).cloned().collect();
        let keeps_list = operation == Operation::Update && old == new;
        let faults = match operation {
            Operation::Delete => Vec::new(),
            Operation::Create | Operation::Update if keeps_list => Vec::new(),
            Operation::Create | Operation::Update => validate_added(&adds, new),
        };
        Self { operation, name: name.to_owned(), adds, removes, keeps_list, errors: faults }
    }

    /// The CIDRs that the request adds, each with its index in `spec.cidrs`. Texts that are not CIDRs are errors and
    /// are not evaluated by the rules.
    pub fn cidrs(&self) -> impl Iterator<Item = (usize, Cidr)> + '_ {
        self.adds.iter().filter_map(|added| Some((added.index, added.cidr.ok()?)))
    }

    /// An invalid request: its change is unknown.
    #[must_use]
    pub fn invalid(operation: Operation, name: &str, fault: ValidationError) -> Self {
        Self {
            operation,
            name: name.to_owned(),
            adds: Vec::new(),
            removes: Vec::new(),
            keeps_list: false,
            errors: vec![fault],
        }
    }

    /// Whether `spec.cidrs` stays exactly as it was: an UPDATE of labels, annotations or finalizers, or one that
    /// changes nothing.
    #[must_use]
    pub fn keeps_cidrs(&self) -> bool {
        self.keeps_list
    }
}

/// The entries of `new` whose text is not among `old`.
fn added(old: &[String], new: &[String]) -> Vec<AddedCidr> {
    new.iter()
        .enumerate()
        .filter(|(_, text)| !old.contains(text))
        .map(|(index, text)| AddedCidr { index, text: text.clone(), cidr: text.parse() })
        .collect()
}

/// The errors of kube-apiserver for a new list of CIDRs.
pub(super) fn validate_cidrs(new: &[String]) -> Vec<ValidationError> {
    validate_added(&added(&[], new), new)
}

/// The errors of kube-apiserver for a list of CIDRs, of which `adds` are new.
fn validate_added(adds: &[AddedCidr], new: &[String]) -> Vec<ValidationError> {
    match new {
        [] => vec![ValidationError::NoCidrs],
        [_] => malformed_cidrs(adds),
        [first, second] => {
            let mut faults = malformed_cidrs(adds);
            if let (Some(a), Some(b)) = (Cidr::family_of(first), Cidr::family_of(second))
                && a == b
            {
                faults.push(ValidationError::SameFamily);
            }
            faults
        }
        more => vec![ValidationError::TooManyCidrs { count: more.len() }],
    }
}

fn malformed_cidrs(adds: &[AddedCidr]) -> Vec<ValidationError> {
    adds.iter()
        .filter_map(|added| {
            let error = added.cidr.err()?;
            Some(ValidationError::Malformed { index: added.index, text: added.text.clone(), error })
        })
        .collect()
}

impl Operation {
    /// Parses the operation of an AdmissionReview.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "CREATE" => Some(Self::Create),
            "UPDATE" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The operation in an AdmissionReview.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &[&str], new: &[&str], expected: &str) {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let operation = if old.is_empty() { Operation::Create } else { Operation::Update };
        let change = Change::diff(operation, "a", &owned(old), &owned(new));
        let seen: Vec<String> = change
            .errors
            .iter()
            .map(|fault| match fault {
                ValidationError::NoCidrs => "R".to_owned(),
                ValidationError::TooManyCidrs { .. } => "N".to_owned(),
                ValidationError::SameFamily => "F".to_owned(),
                ValidationError::Malformed { index, .. } => format!("[{index}]"),
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(seen.join(","), expected, "{old:?} -> {new:?}");
    }

    /// The errors of Kubernetes 1.37.2: R required, N too many, F same family, [i] malformed entry.
    #[test]
    fn create_validation_matches_kube_apiserver() {
        check(&[], &["10.0.0.0/24"], "");
        check(&[], &["fd00::/64", "10.0.0.0/24"], "");
        check(&[], &[], "R");
        check(&[], &[""], "[0]");
        check(&[], &["10.0.0.0/24", "10.1.0.0/24"], "F");
        check(&[], &["10.0.0.0/24", "10.0.0.0/24"], "F");
        check(&[], &["fd00::/64", "fd01::/64"], "F");
        check(&[], &["10.0.0.0/24", "::ffff:1.2.3.0/120"], "[1],F");
        check(&[], &["fd00::/64", "::ffff:1.2.3.0/120"], "[1]");
        check(&[], &["10.0.0.0/24", "bogus"], "[1]");
        check(&[], &["bogus", "bogus"], "[0],[1]");
        check(&[], &["10.0.0.1/24", "010.1.0.0/24"], "[0],[1],F");
        check(&[], &["10.0.0.0/24", "10.1.0.0/24", "bogus"], "N");
    }

    #[test]
    fn update_validates_only_added_cidrs() {
        check(&["10.0.0.0/24"], &["10.0.0.0/24"], "");
        check(&["010.0.0.0/24"], &["010.0.0.0/24"], "");
        check(&["010.0.0.0/24"], &["010.0.0.0/24", "fd00::/64"], "");
        check(&["10.0.0.0/24"], &["10.0.0.0/24", "FD00::/64"], "[1]");
        check(&["10.0.0.0/24"], &["10.0.0.0/24", "10.1.0.0/24"], "F");
        check(&["10.0.0.0/24"], &["10.0.0.0/24", "10.0.0.0/24"], "F");
        check(&["10.0.0.0/24", "fd00::/64"], &[], "R");
        check(&["10.0.0.0/24"], &["10.0.0.0/24", "fd00::/64", "fd01::/64"], "N");
    }

    #[test]
    fn only_an_identical_list_keeps_cidrs() {
        let list = |texts: [&str; 2]| texts.map(str::to_owned);
        let (ab, ba) = (list(["10.0.0.0/24", "fd00::/64"]), list(["fd00::/64", "10.0.0.0/24"]));
        assert!(Change::diff(Operation::Update, "a", &ab, &ab).keeps_cidrs());
        assert!(Change::diff(Operation::Update, "a", &[], &[]).keeps_cidrs());
        assert!(!Change::diff(Operation::Update, "a", &ab, &ba).keeps_cidrs());
        assert!(!Change::diff(Operation::Create, "a", &[], &[]).keeps_cidrs());
        assert!(!Change::diff(Operation::Delete, "a", &[], &[]).keeps_cidrs());
    }
}
