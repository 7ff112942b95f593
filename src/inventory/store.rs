//! `Inventory`: the observed objects of a cluster, changed one object at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::net::{Cidr, CidrMap, IpFamily, Relation};

use super::sweep::StaleNames;
use super::{
    Allocation, AllocationStore, ConfiguredFamilies, DeclaredNetwork, FamiliesSource, Node, NodeNetwork, ServiceCidr,
    View,
};

/// The name of the default ServiceCIDR, which kube-apiserver creates from its own flags and must always be able to
/// create again.
pub const DEFAULT_SERVICE_CIDR: &str = "kubernetes";

/// The observed objects of a cluster, changed one object at a time.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub(super) service_cidrs: BTreeMap<String, ServiceCidr>,
    /// The names of the ServiceCIDRs, by CIDR.
    by_cidr: CidrMap<String>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// The names of the nodes, by network.
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
    /// The namespace of the Service.
    pub namespace: String,
    /// The name of the Service.
    pub name: String,
}

impl Inventory {
    /// Inserts a ServiceCIDR, or replaces it.
    pub fn insert_service_cidr(&mut self, service_cidr: ServiceCidr) {
        self.unlisted.service_cidrs.remove(&service_cidr.name);
        self.remove_service_cidr(&service_cidr.name);
        for cidr in &service_cidr.cidrs {
            self.by_cidr.insert(*cidr, service_cidr.name.clone());
        }
        self.service_cidrs.insert(service_cidr.name.clone(), service_cidr);
    }

    /// Removes a ServiceCIDR. Returns whether it existed.
    pub fn remove_service_cidr(&mut self, name: &str) -> bool {
        let Some(old) = self.service_cidrs.remove(name) else { return false };
        for cidr in old.cidrs {
            self.by_cidr.retain(cidr, |owner| owner != name);
        }
        true
    }

    /// Inserts a node, or replaces it.
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

    /// Removes a node. Returns whether it existed.
    pub fn remove_node(&mut self, name: &str) -> bool {
        let Some(old) = self.nodes.remove(name) else { return false };
        for (cidr, _) in old.networks() {
            self.by_node_network.retain(cidr, |(_, node_name)| node_name != name);
        }
        true
    }

    /// Inserts an IPAddress, or replaces it.
    pub fn insert_address(&mut self, allocation: Allocation) {
        self.addresses.insert(allocation);
    }

    /// Removes an IPAddress. Returns whether it existed.
    pub fn remove_address(&mut self, address: IpAddr) -> bool {
        self.addresses.remove(address)
    }

    /// Inserts a ClusterIP of a Service. After the first call, Services count as listed.
    pub fn insert_cluster_ip(&mut self, address: IpAddr, service: ServiceName) {
        self.services.get_or_insert_default().insert(address, service);
    }

    /// Marks Services as listed, even if there are none.
    pub fn mark_services_listed(&mut self) {
        self.services.get_or_insert_default();
    }

    /// Applies the IP families and networks that a policy declares.
    pub fn apply_declarations(&mut self, families: Option<&[IpFamily]>, networks: Vec<DeclaredNetwork>) {
        self.policy_families = families.map(ConfiguredFamilies::from_policy);
        self.networks = networks;
    }

    /// The ServiceCIDRs, by name.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &ServiceCidr> {
        self.service_cidrs.values()
    }

    /// The ServiceCIDR with this name.
    #[must_use]
    pub fn service_cidr(&self, name: &str) -> Option<&ServiceCidr> {
        self.service_cidrs.get(name)
    }

    /// The ServiceCIDRs that overlap a CIDR, with their CIDR and the relation of the first to it. Takes O(log n) plus
    /// the number of results.
    pub fn overlapping(&self, cidr: Cidr) -> impl Iterator<Item = (&str, Cidr, Relation)> {
        self.by_cidr.overlapping(cidr).map(|(other, relation, name)| (name.as_str(), other, relation))
    }

    /// The networks of nodes that overlap a CIDR: the kind of network, the name of the node, the network, and the
    /// relation of the CIDR to it.
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

    /// The ClusterIPs of the Services, if Services were listed.
    #[must_use]
    pub fn cluster_ips(&self) -> Option<&BTreeMap<IpAddr, ServiceName>> {
        self.services.as_ref()
    }

    /// The declared networks, in the order of the policy.
    #[must_use]
    pub fn networks(&self) -> &[DeclaredNetwork] {
        &self.networks
    }

    /// The inventory without changes.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.view_with(&[], &[])
    }

    /// The inventory with these ServiceCIDRs, which are new or replace those of the same name, and without those.
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
    /// Those of the stored `kubernetes` count, because the flags of kube-apiserver don't change when it is deleted.
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
