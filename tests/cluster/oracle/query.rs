//! The client of the oracle: questions to the Kubernetes code, and its answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::IpAddr;
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::binaries;

/// A question, as `tests/oracle/main.go` describes them.
#[derive(Debug, Serialize)]
#[serde(tag = "ask", rename_all = "camelCase")]
pub enum Question<'a> {
    ValidateCreate {
        cidrs: &'a [String],
    },
    ValidateUpdate {
        old: &'a [String],
        new: &'a [String],
    },
    Cel {
        allowed: &'a [String],
        cidrs: Option<&'a [String]>,
    },
    Cidr {
        text: &'a str,
    },
    Compile {
        version: &'a str,
        expressions: &'a [String],
    },
    Verify {
        uid: &'a str,
        review: &'a RawValue,
    },
    Allocate {
        cidr: String,
        addresses: &'a [Address],
        r#static: &'a [IpAddr],
        count: usize,
    },
    AllocateMeta {
        #[serde(rename = "serviceCIDRs")]
        service_cidrs: &'a [Stored],
        addresses: &'a [Address],
        r#static: &'a [IpAddr],
        count: usize,
    },
    CanDelete {
        #[serde(rename = "serviceCIDRs")]
        service_cidrs: &'a [Stored],
        name: &'a str,
        addresses: &'a [Address],
    },
}

/// An IPAddress, and whether it has the labels of kube-apiserver's allocator.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    pub name: IpAddr,
    pub managed: bool,
}

/// A ServiceCIDR. `ready` is the status of the condition Ready, empty if there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Stored {
    pub name: String,
    pub cidrs: Vec<String>,
    pub terminating: bool,
    pub ready: &'static str,
}

/// The size and allocations of one range.
#[derive(Debug, Deserialize)]
pub struct Allocated {
    pub refused: String,
    pub size: u128,
    pub first: String,
    pub last: String,
    pub offset: u128,
    pub dynamic: String,
    pub used: i128,
    pub free: i128,
    #[serde(flatten)]
    pub outcome: AllocationOutcome,
}

/// The errors for the requested addresses, empty for none; the addresses allocated without a request; and for each
/// family the final error.
#[derive(Debug, Deserialize)]
pub struct AllocationOutcome {
    pub r#static: Vec<String>,
    pub next: Vec<IpAddr>,
    pub r#final: Vec<String>,
}

/// One error of kube-apiserver's validation.
#[derive(Debug, Deserialize)]
pub struct Invalid {
    field: String,
    detail: String,
}

/// The result of the documented policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cel {
    Allow,
    Deny,
    Error,
}

/// The result of CEL's `cidr()`.
#[derive(Debug, Deserialize)]
pub struct Parsed {
    is: bool,
    masked: String,
}

/// A webhook response as kube-apiserver parses it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    pub error: String,
    pub allowed: bool,
    pub code: u16,
    pub reason: String,
    pub message: String,
    pub warnings: Option<Vec<String>>,
    pub audit_annotations: Option<BTreeMap<String, String>>,
    pub rejection: String,
    pub bad_annotations: Option<BTreeMap<String, String>>,
    pub delivered: Option<Vec<String>>,
}

/// Sends all questions.
pub fn query<A: DeserializeOwned>(questions: &[Question<'_>]) -> Vec<A> {
    let lines: Vec<String> = questions.iter().map(|question| serde_json::to_string(question).unwrap()).collect();
    let answers = query_lines(&lines);
    let read = |(question, answer): (&String, &String)| {
        serde_json::from_str(answer).unwrap_or_else(|error| panic!("{question}: {answer}: {error}"))
    };
    lines.iter().zip(&answers).map(read).collect()
}

/// Sends questions as text, one per line, and returns one answer per line.
pub fn query_lines(questions: &[String]) -> Vec<String> {
    let mut oracle = Command::new(binaries::path("oracle"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle does not start");
    let mut input = BufWriter::new(oracle.stdin.take().unwrap());
    let output = BufReader::new(oracle.stdout.take().unwrap());
    let answers: Vec<String> = std::thread::scope(|scope| {
        scope.spawn(move || {
            for question in questions {
                writeln!(input, "{question}").unwrap();
            }
            input.flush().unwrap();
        });
        output.lines().map(Result::unwrap).collect()
    });
    assert!(oracle.wait().unwrap().success(), "the oracle failed");
    assert_eq!(answers.len(), questions.len(), "the oracle skipped questions");
    answers
}

impl Invalid {
    /// Whether the list is rejected because two CIDRs have the same family.
    pub fn is_same_family(&self) -> bool {
        self.short() == "F"
    }

    /// R required, N too many, F family, `imm` immutable, a to e the errors of a CIDR; after the index of the entry,
    /// if it is about one.
    fn short(&self) -> String {
        let place = self.field.strip_prefix("spec.cidrs").unwrap_or_else(|| panic!("{self:?}"));
        let canonical =
            self.detail.strip_prefix("must be in canonical form (\"").and_then(|rest| rest.strip_suffix("\")"));
        let what = match (self.detail.as_str(), canonical) {
            (_, Some(canonical)) => return format!("{place}e {canonical}"),
            ("at least one CIDR required", _) => "R",
            ("may only hold up to 2 values", _) => "N",
            ("field is immutable", _) => "imm",
            (text, _) if text.starts_with("may specify no more than one IP for each IP family") => "F",
            (text, _) if text.starts_with("must be a valid CIDR value") => "a",
            (text, _) if text.starts_with("must not have leading 0s") => "b",
            (text, _) if text.starts_with("must not have an IPv4-mapped") => "c",
            (text, _) if text.starts_with("must not have bits set beyond") => "d",
            _ => panic!("{self:?}"),
        };
        format!("{place}{what}")
    }
}

/// Errors in short form, as `[0]d,[1]b,F`. Empty if there are none.
pub fn short(errors: &[Invalid]) -> String {
    errors.iter().map(Invalid::short).collect::<Vec<_>>().join(",")
}

impl Parsed {
    /// The canonical form without host bits, if the text is a CIDR in CEL.
    pub fn canonical(&self) -> Option<&str> {
        self.is.then_some(self.masked.as_str())
    }
}

#[test]
fn malformed_questions_return_an_error() {
    let questions = [
        "nonsense",
        r#"{"ask":"weather"}"#,
        r#"{"ask":"cidr"}"#,
        r#"{"ask":"cidr","txet":"10.0.0.0/8"}"#,
        r#"{"ask":"validateCreate","cidrs":[7]}"#,
        r#"{"ask":"allocate","cidr":"10.0.0.0"}"#,
        r#"{"ask":"canDelete","name":"a"}"#,
        r#"{"ask":"cidr","text":"10.0.0.1/8"}"#,
    ];
    let answers = query_lines(&questions.map(str::to_owned));
    for answer in &answers[..7] {
        assert!(answer.starts_with(r#"{"error":""#), "{answer}");
    }
    assert_eq!(answers[7], r#"{"is":true,"masked":"10.0.0.0/8"}"#);
}
