//! `ReviewObject`: the ServiceCIDR in a review: its name and its CIDRs.

use serde_json::value::RawValue;

use crate::inventory::ValidationError;

use super::fields::{Problem, fields, string, strings};

/// The two objects of a review.
#[derive(Clone, Copy)]
pub(super) enum ObjectSlot {
    New,
    Old,
}

/// The parsed parts of an object of a review. Absent and null are the same.
pub(super) struct ReviewObject<'a> {
    text: Option<&'a RawValue>,
    parts: Result<Parts<'a>, Problem>,
}

#[derive(Default)]
struct Parts<'a> {
    metadata: Option<&'a RawValue>,
    spec: Option<&'a RawValue>,
    /// `metadata.name`, or what is wrong with the metadata.
    name: Option<Result<Option<&'a RawValue>, Problem>>,
}

impl<'a> ReviewObject<'a> {
    pub fn of(text: Option<&'a RawValue>) -> Self {
        let parts = text.map(|text| fields(text, ["metadata", "spec"])).transpose();
        let parts = parts.map(|found| {
            let [metadata, spec] = found.unwrap_or_default();
            let name = metadata.map(|metadata| fields(metadata, ["name"]).map(|[name]| name));
            Parts { metadata, spec, name }
        });
        Self { text, parts }
    }

    pub fn is_missing(&self) -> bool {
        self.text.is_none()
    }

    /// The name; `None` if it can't be parsed.
    pub fn name(&self) -> Option<String> {
        let name = if let Ok(parts) = &self.parts {
            parts.name.as_ref()?.as_ref().ok().copied()??
        } else {
            // The metadata may be valid although the rest isn't.
            let [metadata] = fields(self.text?, ["metadata"]).ok()?;
            let [name] = fields(metadata?, ["name"]).ok()?;
            name?
        };
        string(name).ok().filter(|name| !name.is_empty())
    }

    /// `spec.cidrs`. An absent list is empty: kube-apiserver omits empty lists.
    pub fn cidrs(&self, side: ObjectSlot) -> Result<Vec<String>, ValidationError> {
        let [root, metadata, name, spec, list] = side.paths();
        let at = |field: &'static str| {
            move |problem: &Problem| ValidationError::Unreadable { field, problem: problem.clone() }
        };

        self.text.ok_or(ValidationError::Missing { field: root })?;
        let parts = self.parts.as_ref().map_err(at(root))?;
        parts.metadata.ok_or(ValidationError::Missing { field: metadata })?;
        let its_name = parts.name.as_ref().map(Result::as_ref).transpose().map_err(at(metadata))?;
        its_name.copied().flatten().map(string).transpose().map_err(|problem| at(name)(&problem))?;
        let its_spec = parts.spec.ok_or(ValidationError::Missing { field: spec })?;
        let [its_list] = fields(its_spec, ["cidrs"]).map_err(|problem| at(spec)(&problem))?;
        its_list.map(strings).transpose().map_err(|problem| at(list)(&problem)).map(Option::unwrap_or_default)
    }
}

impl ObjectSlot {
    fn paths(self) -> [&'static str; 5] {
        match self {
            Self::New => ["object", "object.metadata", "object.metadata.name", "object.spec", "object.spec.cidrs"],
            Self::Old => {
                ["oldObject", "oldObject.metadata", "oldObject.metadata.name", "oldObject.spec", "oldObject.spec.cidrs"]
            }
        }
    }
}
