//! `VapBundle`: the rules of a policy that CEL can express, as ValidatingAdmissionPolicies and bindings.

mod rule_export;

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::policy::{Policy, ValidationAction, ValidationActions};

use rule_export::{RuleExport, export_rules};

/// The CEL of each rule.
const CEL: &str = include_str!("vap/rules.yaml");
/// The longest expression that kube-apiserver accepts, in characters. Expressions of this length stay within its cost
/// limit.
const MAX_EXPRESSION_CHARS: usize = 100_000;
/// The sets of validation actions. Those of a binding apply to its whole policy, so each set has its own.
const ACTION_SETS: [&[ValidationAction]; 5] = [
    &[ValidationAction::Deny],
    &[ValidationAction::Deny, ValidationAction::Audit],
    &[ValidationAction::Warn],
    &[ValidationAction::Warn, ValidationAction::Audit],
    &[ValidationAction::Audit],
];

/// The exported rules of a policy.
#[derive(Debug)]
pub(crate) struct VapBundle {
    /// A ValidatingAdmissionPolicy and its binding for each set of validation actions.
    pub objects: Vec<Value>,
    /// The rules that CEL can't express, and why.
    pub unsupported: Vec<&'static str>,
}

/// Why a policy can't be exported.
#[derive(Debug, Error)]
pub(crate) enum VapError {
    /// CEL can express no rule of the policy.
    #[error("no rule can be expressed in CEL: {}", .0.join("; "))]
    Nothing(Vec<&'static str>),
    /// A list is too long for an expression.
    #[error(
        "{rule}: {length} characters of CEL are more than the {MAX_EXPRESSION_CHARS} that kube-apiserver accepts in an expression"
    )]
    TooLong {
        /// The rule's key in the policy.
        rule: &'static str,
        /// The length of the list in CEL, in characters.
        length: usize,
    },
    /// The embedded CEL can't be parsed.
    #[error("the rules in CEL: {0}")]
    Cel(#[from] serde_saphyr::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cel {
    match_conditions: Vec<Value>,
    variables: Vec<Value>,
    rules: Vec<Expressions>,
}

/// The CEL of a rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expressions {
    /// The field of the policy.
    rule: String,
    /// The variable for the data of the field.
    data: String,
    variables: Vec<Value>,
    validation: Value,
}

impl VapBundle {
    /// The objects, with names that begin with `name`.
    pub fn from_policy(policy: &Policy, name: &str) -> Result<Self, VapError> {
        let cel: Cel = serde_saphyr::from_str(CEL)?;
        let (export_rules, unsupported) = export_rules(policy);
        if export_rules.is_empty() {
            return Err(VapError::Nothing(unsupported));
        }
        for RuleExport { rule, data, .. } in &export_rules {
            let length = data.to_string().chars().count();
            if length > MAX_EXPRESSION_CHARS {
                return Err(VapError::TooLong { rule: rule.config_key().unwrap_or_default(), length });
            }
        }
        let mut objects = Vec::new();
        for set in ACTION_SETS {
            let has_actions = |part: &&RuleExport| ValidationActions::new(set) == Ok(part.actions);
            let export_rules: Vec<&RuleExport> = export_rules.iter().filter(has_actions).collect();
            if !export_rules.is_empty() {
                let words: Vec<String> = set.iter().map(ToString::to_string).collect();
                let name = format!("{name}-{}", words.join("-").to_lowercase());
                objects.push(cel.policy(&name, &export_rules));
                objects.push(binding(&name, &words));
            }
        }
        Ok(Self { objects, unsupported })
    }
}

impl Cel {
    fn policy(&self, name: &str, export_rules: &[&RuleExport]) -> Value {
        let mut operations = vec!["CREATE", "UPDATE"];
        operations.extend(export_rules.iter().any(|part| part.evaluates_delete).then_some("DELETE"));
        let (mut variables, mut validations) = (self.variables.clone(), Vec::new());
        for rule in &self.rules {
            let Some(part) = export_rules.iter().find(|part| part.rule.config_key() == Some(&rule.rule)) else {
                continue;
            };
            // JSON is CEL.
            variables.push(json!({"name": rule.data, "expression": part.data.to_string()}));
            variables.extend(rule.variables.iter().cloned());
            validations.push(rule.validation.clone());
        }
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "matchPolicy": "Equivalent",
                    "resourceRules": [{
                        "apiGroups": ["networking.k8s.io"],
                        "apiVersions": ["v1"],
                        "operations": operations,
                        "resources": ["servicecidrs"],
                        "scope": "Cluster",
                    }],
                },
                "matchConditions": self.match_conditions,
                "variables": variables,
                "validations": validations,
            },
        })
    }
}

fn binding(name: &str, actions: &[String]) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": actions},
    })
}
