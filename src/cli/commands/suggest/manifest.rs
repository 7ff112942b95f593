//! Suggestions as manifests.

use serde_json::json;

use crate::cli::exit::Exit;
use crate::inventory::Inventory;
use crate::net::Cidr;
use crate::text::is_dns_subdomain;

/// A ServiceCIDR for each suggestion, as a YAML document, with a new name.
pub(super) fn manifest(found: &[Cidr], name: Option<&str>, inventory: &Inventory) -> Result<String, Exit> {
    let mut text = String::new();
    for (place, cidr) in found.iter().enumerate() {
        let name = match (name, place) {
            (None, _) => default_name(*cidr),
            (Some(name), 0) => name.to_owned(),
            (Some(name), place) => format!("{name}-{}", place + 1),
        };
        if !is_dns_subdomain(&name) {
            let message = format!("--name {name:?}: not the name of an object");
            return Err(Exit::input(message).with_hint("lower-case letters, digits, `-` and `.`"));
        }
        if inventory.service_cidr(&name).is_some() {
            return Err(Exit::input(format!("--name {name}: a ServiceCIDR of this name exists"))
                .with_hint("choose another with --name NAME"));
        }
        let object = json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": name},
            "spec": {"cidrs": [cidr.to_string()]},
        });
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&object).map_err(Exit::io)?);
    }
    Ok(text)
}

/// A name derived from the CIDR: `services-10-96-1-0-24`.
fn default_name(cidr: Cidr) -> String {
    format!("services-{}", cidr.to_string().replace(['.', ':', '/'], "-"))
}
