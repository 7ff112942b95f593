//! `AllocationStore`: the IPAddress objects of a cluster, counted and listed within any range without a scan.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::net::{AddressRange, IpFamily, address_bits};

use super::chunked_map::ChunkedMap;
use super::{Allocation, ParentRef, SweepStatus};

/// The number of chunks that one step of a sweep visits.
const SWEEP_CHUNKS: usize = 16;

/// The IPAddress objects of a cluster.
///
/// A million IPv4 addresses take about 5 bytes each for the index (IPv6 18), and about 56 each for their parents:
/// namespaces and resources are stored once.
#[derive(Clone, Debug)]
pub struct AllocationStore {
    v4: ChunkedMap<u32, StoredParentRef>,
    v6: ChunkedMap<u128, StoredParentRef>,
    foreign: BTreeSet<(IpFamily, u128)>,
    words: StringInterner,
    /// The mark of the addresses that are in the list which was begun last.
    epoch: u8,
    /// The key at which the sweep continues.
    swept_to: (IpFamily, u128),
}

/// The parent of an address, in a compact form.
#[derive(Clone, Debug)]
struct StoredParentRef {
    name: Box<str>,
    namespace: u32,
    resource: u16,
    is_managed: bool,
    /// The mark of the last list that contained the address.
    epoch: u8,
}

/// Recurring strings, each stored once.
#[derive(Clone, Debug, Default)]
struct StringInterner {
    words: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
}

/// The key at which a sweep begins.
const SWEEP_START: (IpFamily, u128) = (IpFamily::IPv4, 0);

impl Default for AllocationStore {
    fn default() -> Self {
        Self {
            v4: ChunkedMap::default(),
            v6: ChunkedMap::default(),
            foreign: BTreeSet::new(),
            words: StringInterner::default(),
            epoch: 0,
            swept_to: SWEEP_START,
        }
    }
}

impl AllocationStore {
    /// Inserts an IPAddress, or replaces it.
    pub fn insert(&mut self, allocation: Allocation) {
        let is_foreign = !allocation.is_cluster_ip();
        let Allocation { address, parent, is_managed } = allocation;
        let parent = StoredParentRef {
            name: parent.name.into_boxed_str(),
            namespace: self.words.intern(parent.namespace),
            // There are only as many as kinds of parents.
            resource: u16::try_from(self.words.intern(parent.resource)).unwrap_or(u16::MAX),
            is_managed,
            epoch: self.epoch,
        };
        match address {
            IpAddr::V4(v4) => drop(self.v4.insert(v4.into(), parent)),
            IpAddr::V6(v6) => drop(self.v6.insert(v6.into(), parent)),
        }
        let key = (IpFamily::from(address), address_bits(address));
        if is_foreign {
            self.foreign.insert(key);
        } else {
            self.foreign.remove(&key);
        }
    }

    /// Removes an IPAddress. Returns whether it existed.
    pub fn remove(&mut self, address: IpAddr) -> bool {
        self.foreign.remove(&(IpFamily::from(address), address_bits(address)));
        match address {
            IpAddr::V4(v4) => self.v4.remove(v4.into()).is_some(),
            IpAddr::V6(v6) => self.v6.remove(v6.into()).is_some(),
        }
    }

    pub(super) fn begin_relist(&mut self) {
        self.swept_to = SWEEP_START;
        if let Some(next) = self.epoch.checked_add(1) {
            self.epoch = next;
            return;
        }
        // Once in 255 lists. Otherwise marks of lists that never ended could be mistaken for new ones.
        self.v4.values_mut().chain(self.v6.values_mut()).for_each(|parent| parent.epoch = 0);
        self.epoch = 1;
    }

    pub(super) fn sweep(&mut self) -> SweepStatus {
        let Self { v4, v6, foreign, epoch, swept_to, .. } = self;
        let is_kept = |parent: &StoredParentRef| parent.epoch == *epoch;
        let forget = |foreign: &mut BTreeSet<_>, key: (IpFamily, u128)| {
            foreign.remove(&key);
        };
        for _ in 0..SWEEP_CHUNKS {
            let (family, from) = *swept_to;
            let next = match family {
                IpFamily::IPv4 => v4
                    .sweep_chunk(to_u32_key(from), is_kept, |key| forget(foreign, (family, key.into())))
                    .map(|key| (family, u128::from(key)))
                    .or(Some((IpFamily::IPv6, 0))),
                IpFamily::IPv6 => {
                    v6.sweep_chunk(from, is_kept, |key| forget(foreign, (family, key))).map(|key| (family, key))
                }
            };
            match next {
                Some(next) => *swept_to = next,
                None => return SweepStatus::Done,
            }
        }
        SweepStatus::Unfinished
    }

    /// The number of IPAddresses of a family.
    #[must_use]
    pub fn count(&self, family: IpFamily) -> u128 {
        let count = match family {
            IpFamily::IPv4 => self.v4.len(),
            IpFamily::IPv6 => self.v6.len(),
        };
        count as u128
    }

    /// The number of IPAddresses in a range.
    #[must_use]
    pub fn count_in(&self, range: AddressRange) -> u128 {
        let count = match range.family() {
            IpFamily::IPv4 => self.v4.count(to_u32_key(range.first())..=to_u32_key(range.last())),
            IpFamily::IPv6 => self.v6.count(range.first()..=range.last()),
        };
        count as u128
    }

    /// The number of IPAddresses in a range that kube-apiserver's allocator did not allocate to Services.
    #[must_use]
    pub fn count_foreign_in(&self, range: AddressRange) -> u128 {
        let family = range.family();
        self.foreign.range((family, range.first())..=(family, range.last())).count() as u128
    }

    /// The IPAddresses in a range, ascending.
    pub fn list(&self, range: AddressRange) -> impl Iterator<Item = Allocation> + '_ {
        self.entries(range).map(move |(number, parent)| self.allocation(range.family().address(number), parent))
    }

    /// The addresses in a range as numbers, ascending.
    pub fn numbers(&self, range: AddressRange) -> impl Iterator<Item = u128> + '_ {
        self.entries(range).map(|(number, _)| number)
    }

    fn entries(&self, range: AddressRange) -> impl Iterator<Item = (u128, &StoredParentRef)> {
        let (v4, v6) = match range.family() {
            IpFamily::IPv4 => (Some(self.v4.range(to_u32_key(range.first())..=to_u32_key(range.last()))), None),
            IpFamily::IPv6 => (None, Some(self.v6.range(range.first()..=range.last()))),
        };
        let v4 = v4.into_iter().flatten().map(|(number, parent)| (u128::from(number), parent));
        v4.chain(v6.into_iter().flatten())
    }

    /// The IPAddress with this address.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<Allocation> {
        let parent = match address {
            IpAddr::V4(v4) => self.v4.get(v4.into()),
            IpAddr::V6(v6) => self.v6.get(v6.into()),
        };
        parent.map(|parent| self.allocation(address, parent))
    }

    fn allocation(&self, address: IpAddr, stored: &StoredParentRef) -> Allocation {
        let parent = ParentRef {
            resource: self.words.resolve(u32::from(stored.resource)),
            namespace: self.words.resolve(stored.namespace),
            name: stored.name.to_string(),
        };
        Allocation { address, parent, is_managed: stored.is_managed }
    }
}

impl StringInterner {
    fn intern(&mut self, word: String) -> u32 {
        if let Some(place) = self.places.get(word.as_str()) {
            return *place;
        }
        let place = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let word = word.into_boxed_str();
        self.words.push(word.clone());
        self.places.insert(word, place);
        place
    }

    fn resolve(&self, place: u32) -> String {
        usize::try_from(place).ok().and_then(|place| self.words.get(place)).map(ToString::to_string).unwrap_or_default()
    }
}

/// The number of an IPv4 address.
fn to_u32_key(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocation(address: &str) -> Allocation {
        let parent = ParentRef { resource: "gateways".to_owned(), namespace: String::new(), name: "n".to_owned() };
        Allocation { address: address.parse().unwrap(), parent, is_managed: false }
    }

    fn all(addresses: &AllocationStore) -> Vec<String> {
        let families = ["0.0.0.0/0", "::/0"].map(|cidr| AddressRange::from(cidr.parse::<crate::net::Cidr>().unwrap()));
        families.into_iter().flat_map(|range| addresses.list(range)).map(|one| one.address.to_string()).collect()
    }

    fn insert_all(addresses: &mut AllocationStore, all: &[&str]) {
        for one in all {
            addresses.insert(allocation(one));
        }
    }

    fn sweep(addresses: &mut AllocationStore) {
        while addresses.sweep() == SweepStatus::Unfinished {}
    }

    #[test]
    fn relist_mark_adds_no_memory() {
        assert_eq!(size_of::<StoredParentRef>(), 24);
    }

    #[test]
    fn sweep_removes_unlisted_addresses() {
        let mut addresses = AllocationStore::default();
        insert_all(&mut addresses, &["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]);
        addresses.begin_relist();
        insert_all(&mut addresses, &["10.0.0.2", "10.0.0.3", "fd00::2"]);
        assert_eq!(all(&addresses).len(), 5);
        sweep(&mut addresses);
        assert_eq!(all(&addresses), ["10.0.0.2", "10.0.0.3", "fd00::2"]);
        assert_eq!(addresses.foreign.len(), 3);
    }

    /// Any number of unfinished relists: their addresses can be deleted before the next one.
    #[test]
    fn unfinished_relists_keep_no_addresses() {
        for unfinished in [1, 254, 255, 256, 257, 600] {
            let mut addresses = AllocationStore::default();
            addresses.begin_relist();
            addresses.insert(allocation("10.0.0.1"));
            for _ in 0..unfinished {
                addresses.begin_relist();
            }
            addresses.insert(allocation("10.0.0.2"));
            sweep(&mut addresses);
            assert_eq!(all(&addresses), ["10.0.0.2"], "{unfinished}");
        }
    }
}
