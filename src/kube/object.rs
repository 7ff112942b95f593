//! A ServiceCIDR as it stands in a review: its name and its CIDRs.

use serde_json::value::RawValue;

use crate::inventory::Fault;

use super::fields::{fields, string, strings};

/// Which of the two objects of a review is meant.
#[derive(Clone, Copy)]
pub(super) enum Side {
    New,
    Old,
}

/// The name of an object. `None` when it has none that can be read.
pub(super) fn name(object: Option<&RawValue>) -> Option<String> {
    let [metadata] = fields(object?, ["metadata"]).ok()?;
    let [name] = fields(metadata?, ["name"]).ok()?;
    string(name?).ok().filter(|name| !name.is_empty())
}

/// `spec.cidrs`. An absent list is an empty one: that is how kube-apiserver writes it.
pub(super) fn cidrs(object: Option<&RawValue>, side: Side) -> Result<Vec<String>, Fault> {
    let [root, metadata, name, spec, list] = side.paths();
    let at = |field: &'static str| move |problem: String| Fault::Unreadable { field, problem };

    let object = object.ok_or(Fault::Missing { field: root })?;
    let [its_metadata, its_spec] = fields(object, ["metadata", "spec"]).map_err(at(root))?;
    let its_metadata = its_metadata.ok_or(Fault::Missing { field: metadata })?;
    let [its_name] = fields(its_metadata, ["name"]).map_err(at(metadata))?;
    its_name.map(string).transpose().map_err(at(name))?;
    let its_spec = its_spec.ok_or(Fault::Missing { field: spec })?;
    let [its_list] = fields(its_spec, ["cidrs"]).map_err(at(spec))?;
    its_list.map(strings).transpose().map_err(at(list)).map(Option::unwrap_or_default)
}

impl Side {
    fn paths(self) -> [&'static str; 5] {
        match self {
            Self::New => ["object", "object.metadata", "object.metadata.name", "object.spec", "object.spec.cidrs"],
            Self::Old => {
                ["oldObject", "oldObject.metadata", "oldObject.metadata.name", "oldObject.spec", "oldObject.spec.cidrs"]
            }
        }
    }
}
