//! `Inventory`: what is known of a cluster, changed one object at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::net::{Cidr, CidrMap, IpFamily, Relation};

use super::sweep::StaleNames;
use super::{
    Allocation, AllocationStore, ConfiguredFamilies, DeclaredNetwork, FamiliesSource, Node, NodeNetwork, ServiceCidr,
    View,
};

/// The name of the default ServiceCIDR, which kube-apiserver makes from its own flags and must
/// always be able to make again.
pub const DEFAULT_SERVICE_CIDR: &str = "kubernetes";

/// What is known of a cluster. Changed one object at a time.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub(super) service_cidrs: BTreeMap<String, ServiceCidr>,
    /// The names of the ServiceCIDRs, by their CIDRs.
    by_cidr: CidrMap<String>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// The names of the nodes, by what they hold.
    by_node_network: CidrMap<(NodeNetwork, String)>,
    pub(super) addresses: AllocationStore,
    services: Option<BTreeMap<IpAddr, ServiceName>>,
    networks: Vec<DeclaredNetwork>,
    policy_families: Option<ConfiguredFamilies>,
    pub(super) unlisted: StaleNames,
}

/// The namespace and name of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Inventory {
    /// Takes a ServiceCIDR up, or takes its new state.
    pub fn insert_service_cidr(&mut self, service_cidr: ServiceCidr) {
        self.unlisted.service_cidrs.remove(&service_cidr.name);
        self.remove_service_cidr(&service_cidr.name);
        for cidr in &service_cidr.cidrs {
            self.by_cidr.insert(*cidr, service_cidr.name.clone());
        }
        self.service_cidrs.insert(service_cidr.name.clone(), service_cidr);
    }

    /// Forgets a ServiceCIDR. Whether it was known.
    pub fn remove_service_cidr(&mut self, name: &str) -> bool {
        let Some(old) = self.service_cidrs.remove(name) else { return false };
        for cidr in old.cidrs {
            self.by_cidr.retain(cidr, |holder| holder != name);
        }
        true
    }

    /// Takes a node up, or takes its new state.
    pub fn insert_node(&mut self, node: Node) {
        self.unlisted.nodes.remove(&node.name);
        if self.nodes.get(&node.name) == Some(&node) {
            return;
        }
        self.remove_node(&node.name);
        for (cidr, network) in node.networks() {
            self.by_node_network.insert(cidr, (network, node.name.clone()));
        }
        self.nodes.insert(node.name.clone(), node);
    }

    /// Forgets a node. Whether it was known.
    pub fn remove_node(&mut self, name: &str) -> bool {
        let Some(old) = self.nodes.remove(name) else { return false };
        for (cidr, _) in old.networks() {
            self.by_node_network.retain(cidr, |(_, holder)| holder != name);
        }
        true
    }

    /// Takes an IPAddress up, or takes its new state.
    pub fn insert_address(&mut self, allocation: Allocation) {
        self.addresses.insert(allocation);
    }

    /// Forgets an IPAddress. Whether it was known.
    pub fn remove_address(&mut self, address: IpAddr) -> bool {
        self.addresses.remove(address)
    }

    /// Takes a ClusterIP of a Service up. From the first call on, Services count as known.
    pub fn insert_cluster_ip(&mut self, address: IpAddr, service: ServiceName) {
        self.services.get_or_insert_default().insert(address, service);
    }

    /// Says that Services are known, though there may be none.
    pub fn mark_services_listed(&mut self) {
        self.services.get_or_insert_default();
    }

    /// Declares what a policy says of the cluster.
    pub fn apply_declarations(&mut self, families: Option<&[IpFamily]>, networks: Vec<DeclaredNetwork>) {
        self.policy_families = families.map(ConfiguredFamilies::from_policy);
        self.networks = networks;
    }

    /// The ServiceCIDRs, by name.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &ServiceCidr> {
        self.service_cidrs.values()
    }

    /// One ServiceCIDR.
    #[must_use]
    pub fn service_cidr(&self, name: &str) -> Option<&ServiceCidr> {
        self.service_cidrs.get(name)
    }

    /// The ServiceCIDRs that share addresses with a CIDR, their CIDR, and how the first lies to it.
    /// O(log n) and the answers themselves.
    pub fn overlapping(&self, cidr: Cidr) -> impl Iterator<Item = (&str, Cidr, Relation)> {
        self.by_cidr.overlapping(cidr).map(|(other, relation, name)| (name.as_str(), other, relation))
    }

    /// What nodes hold of the addresses of a CIDR: whose, which network, and how the CIDR lies to it.
    pub fn overlapping_nodes(&self, cidr: Cidr) -> impl Iterator<Item = (NodeNetwork, &str, Cidr, Relation)> {
        let all = self.by_node_network.overlapping(cidr);
        all.map(|(other, relation, (network, name))| (*network, name.as_str(), other, relation))
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// The IPAddresses.
    #[must_use]
    pub fn addresses(&self) -> &AllocationStore {
        &self.addresses
    }

    /// The ClusterIPs of the Services, if Services are known.
    #[must_use]
    pub fn cluster_ips(&self) -> Option<&BTreeMap<IpAddr, ServiceName>> {
        self.services.as_ref()
    }

    /// The declared networks, in the order of the policy.
    #[must_use]
    pub fn networks(&self) -> &[DeclaredNetwork] {
        &self.networks
    }

    /// As it is.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.view_with(&[], &[])
    }

    /// As it would be with these ServiceCIDRs, new or in place of the one of the same name, and
    /// without those.
    #[must_use]
    pub fn view_with<'a>(&'a self, with: &'a [ServiceCidr], without: &[String]) -> View<'a> {
        let is_kept = |service_cidr: &&ServiceCidr| {
            !without.contains(&service_cidr.name) && with.iter().all(|new| new.name != service_cidr.name)
        };
        let mut service_cidrs: Vec<&ServiceCidr> = self.service_cidrs.values().filter(is_kept).collect();
        if !with.is_empty() {
            service_cidrs.extend(with);
            service_cidrs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        View { service_cidrs, families: self.families(), addresses: &self.addresses, networks: &self.networks }
    }

    /// The configured families: the policy's, else those of the ServiceCIDR `kubernetes`, else both.
    ///
    /// Those of the `kubernetes` that is stored, because the flags of kube-apiserver stay what they are
    /// when it is deleted.
    #[must_use]
    pub fn families(&self) -> ConfiguredFamilies {
        let default = self.service_cidrs.get(DEFAULT_SERVICE_CIDR).filter(|default| !default.cidrs.is_empty());
        match (&self.policy_families, default) {
            (Some(families), _) => families.clone(),
            (None, Some(default)) => ConfiguredFamilies::new(
                default.cidrs.iter().map(|cidr| cidr.family()),
                FamiliesSource::DefaultServiceCidr,
            ),
            (None, None) => ConfiguredFamilies::assumed(),
        }
    }
}
