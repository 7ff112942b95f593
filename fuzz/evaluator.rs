//! `Evaluator`: evaluates review bodies with every rule and a small inventory.

use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, ObservedInventory, Readiness, ServiceCidr};
use servicecidr_guard::k8s::{AdmissionOutcome, Review, respond};
use servicecidr_guard::policy::{Policy, evaluate, preview_if_enabled};

const POLICY: &str = "
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
allowedRanges: {ranges: [10.96.0.0/12, 'fd00::/8'], validationActions: [Deny, Audit]}
denyAll: {operations: [CREATE, UPDATE, DELETE], validationActions: [Warn, Audit]}
noOverlap: {validationActions: [Deny]}
reservedNetworks: {presets: [linkLocal, cgnat, ovnKubernetes], discover: [nodePodCIDRs, nodeAddresses]}
prefixLength: {ipv4: {shortest: 8, longest: 30}}
usable: {}
deletion: {}
preview: {warnOn: Always}
";

/// A response as it is sent, and the verdict behind it.
pub struct EvaluatedReview {
    pub uid: String,
    pub text: String,
    pub is_allowed: bool,
}

/// A policy and an inventory.
pub struct Evaluator {
    policy: Policy,
    inventory: Inventory,
}

impl Evaluator {
    /// The inventory has names and CIDRs that recorded reviews contain.
    #[allow(clippy::new_without_default, reason = "it is not empty")]
    pub fn new() -> Self {
        let loaded = Loaded::from_bytes("evaluator.yaml", POLICY.as_bytes()).expect("POLICY is valid");
        let mut inventory = Inventory::default();
        for (name, cidr) in [("kubernetes", "10.96.0.0/28"), ("newcidr1", "10.96.0.0/24"), ("team-a", "fd00::/112")] {
            inventory.insert_service_cidr(ServiceCidr {
                name: name.to_owned(),
                cidrs: cidr.parse().into_iter().collect(),
                unreadable: Vec::new(),
                readiness: Readiness::Ready,
                has_finalizer: true,
                created: None,
            });
        }
        Self { policy: loaded.policy, inventory }
    }

    /// The response, if the body is a review.
    pub fn answer(&self, body: &[u8]) -> Option<EvaluatedReview> {
        let review = Review::parse(body).ok()?;
        let observed = ObservedInventory::static_file(&self.inventory);
        let (answer, is_allowed) = match review.request() {
            Ok(request) => {
                let verdict = evaluate(&self.policy, &observed, &request);
                assert_eq!(verdict, evaluate(&self.policy, &observed, &request));
                let preview = preview_if_enabled(&self.policy, &observed, &request, &verdict);
                let answer =
                    AdmissionOutcome { name: &request.change.name, verdict: &verdict, preview: preview.as_ref() };
                (respond(&review, Ok(answer)), verdict.allows())
            }
            Err(refusal) => (respond(&review, Err(&refusal)), false),
        };
        let text = serde_json::to_string(&answer).expect("a response is JSON");
        Some(EvaluatedReview { uid: review.uid(), text, is_allowed })
    }
}
