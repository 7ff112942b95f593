//! Shared by several fields of the policy file: lists without duplicates, no empty values, schemas of enums.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::inventory::Operation;
use crate::net::IpFamily;
use crate::policy::ValidationAction;

/// A list of at least one entry without duplicates.
#[derive(JsonSchema)]
#[schemars(inline, extend("uniqueItems" = true))]
pub(super) struct UniqueList<T>(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<T>,
);

/// The actions and constraints of a ValidatingAdmissionPolicyBinding.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "uniqueItems" = true,
        "not" = { "allOf": [{ "contains": { "const": "Deny" } }, { "contains": { "const": "Warn" } }] },
    )
)]
pub(super) struct Actions(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<ValidationAction>,
);

/// Deserializes a field that may be absent but not null: `denyAll:` without a value must not mean no rule.
pub(super) fn reject_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

// The values need no description in the schema.

impl JsonSchema for IpFamily {
    fn schema_name() -> Cow<'static, str> {
        "IpFamily".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["IPv4", "IPv6"] })
    }
}

impl JsonSchema for Operation {
    fn schema_name() -> Cow<'static, str> {
        "Operation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["CREATE", "UPDATE", "DELETE"] })
    }
}
