//! A dual-stack cluster: both families are evaluated separately.

use crate::control_plane::{ControlPlane, is_ready};
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, SERVICE_CIDRS};
use servicecidr_guard::inventory::UnusableReason;
use servicecidr_guard::net::IpFamily;
use servicecidr_guard::policy::Violation;

use super::dry_run_scenario::{synced_report, warnings};

const RANGE: &str = "10.96.0.0/28,fd00:10:96::/112";

fn manifest(name: &str, cidrs: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\nspec: {{cidrs: [{cidrs}]}}\n"
    )
}

#[test]
fn both_families_are_previewed_and_evaluated() {
    let plane = ControlPlane::start_with(RANGE);
    let server =
        webhook::start_with_inventory(&plane, "usable: {}\ndeletion: {}\nprefixLength: {ipv4: {shortest: 9}}\n");
    let too_wide = Violation::PrefixLength { index: 0, cidr: "10.0.0.0/8".parse().unwrap(), admitted: 9..=32 };
    webhook::wait_until_refused(&plane, "10.0.0.0/8", &too_wide.to_string());
    synced_report(&plane, &server);
    let apply = |cidrs: &str| warnings(&plane, &["apply", "--dry-run=server", "-f", "-"], &manifest("more", cidrs));
    assert_eq!(
        apply("10.97.0.0/24, \"fd00:10:97::/120\""),
        [
            "IPv4: 14 usable, 1 used, 13 free; with more: 268 usable, 267 free (+254)",
            "IPv6: 65,535 usable, 0 used, 65,535 free; with more: 65,790 usable, 65,790 free (+255)",
        ]
    );
    assert_eq!(
        apply("\"fd00:10:98::/48\""),
        [
            &violations::unusable("fd00:10:98::/48", UnusableReason::TooShort).to_string(),
            "IPv6: 65,535 usable, 0 used, 65,535 free; with more: 65,535 usable, 65,535 free (+0)",
        ]
    );
    plane.kubectl_ok(&["apply", "-f", "-"], &manifest("more", "10.97.0.0/24"));
    eventually("the ServiceCIDR is ready", || is_ready(&plane.get(&format!("{SERVICE_CIDRS}/more")).1));
    synced_report(&plane, &server);
    assert_eq!(
        apply("10.97.0.0/24, \"fd00:10:97::/120\""),
        ["IPv6: 65,535 usable, 0 used, 65,535 free; with more: 65,790 usable, 65,790 free (+255)"]
    );
    // Deletions of `kubernetes` only get warnings, even if no range of a family remained.
    let output = plane.kubectl(&["delete", "--dry-run=server", "servicecidr", "kubernetes"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let last = |family| violations::last_of_family("kubernetes", family).message();
    assert!(stderr.contains(&last(IpFamily::IPv6)), "{stderr}");
    assert!(!stderr.contains(&last(IpFamily::IPv4)), "{stderr}");
}
