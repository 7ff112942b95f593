//! Generated clusters: addresses, their objects, and LISTs as kube-apiserver writes them.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use servicecidr_guard::inventory::{Allocation, Inventory, ParentRef, Readiness, ServiceCidr};
use servicecidr_guard::net::{Cidr, IpFamily};

/// The range with every IPv4 address of the cluster. A million addresses fill 95 % of it.
pub const RANGE: &str = "10.0.0.0/12";
/// The first address of [`RANGE`].
const FIRST: u32 = 10 << 24;
/// The address before the first IPv6 one.
const FIRST_V6: u128 = 0xfd00_0010_0096 << 80;
/// Objects per LIST page: the default of client-go.
const PAGE: usize = 500;

/// The numbers 1 to `count` in LIST order: etcd sorts `10.0.0.1`, `10.0.0.10`, `10.0.0.100`.
pub fn in_list_order(count: u32) -> impl Iterator<Item = u32> {
    let mut octets: Vec<u32> = (0..256).collect();
    octets.sort_by_key(ToString::to_string);
    let pairs = octets.clone().into_iter().flat_map(move |high| octets.clone().into_iter().map(move |low| (high, low)));
    let mut octets: Vec<u32> = (0..16).collect();
    octets.sort_by_key(ToString::to_string);
    octets
        .into_iter()
        .flat_map(move |second| pairs.clone().map(move |(third, fourth)| second << 16 | third << 8 | fourth))
        .filter(move |number| (1..=count).contains(number))
}

/// The numbers in a pseudo-random order, the same in every run.
pub fn shuffled(mut numbers: Vec<u32>) -> Vec<u32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..numbers.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        numbers.swap(place, (state % (place as u64 + 1)) as usize);
    }
    numbers
}

pub fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST + number)
}

pub fn v6(number: u32) -> Ipv6Addr {
    Ipv6Addr::from(FIRST_V6 + u128::from(number))
}

/// The IPAddress of an address: a Service with a name of 15 bytes, in one of 200 namespaces.
pub fn allocation(address: IpAddr, number: u32) -> Allocation {
    let parent = ParentRef {
        resource: "services".to_owned(),
        namespace: format!("team-{:03}", number % 200),
        name: format!("service-{number:07}"),
    };
    Allocation { address, parent, is_managed: true }
}

/// A cluster with ServiceCIDRs and the first `count` addresses.
pub fn inventory(cidrs: &[Cidr], count: u32) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.apply_declarations(Some(&IpFamily::ALL), Vec::new());
    for (place, cidr) in cidrs.iter().enumerate() {
        inventory.insert_service_cidr(service_cidr(&format!("range-{place:04}"), *cidr));
    }
    for number in in_list_order(count) {
        inventory.insert_address(allocation(v4(number).into(), number));
    }
    inventory
}

pub fn service_cidr(name: &str, cidr: Cidr) -> ServiceCidr {
    ServiceCidr {
        name: name.to_owned(),
        cidrs: vec![cidr],
        unreadable: Vec::new(),
        readiness: Readiness::Ready,
        has_finalizer: true,
        created: None,
    }
}

/// A thousand CIDRs, nested four levels deep: one /12, its 16 /16, their 256 /20, and 727 /24.
pub fn nested() -> Vec<Cidr> {
    let level = |length: u32, count: u32| {
        (0..count).map(move |place| format!("{}/{length}", Ipv4Addr::from(FIRST + (place << (32 - length)))))
    };
    let all = level(12, 1).chain(level(16, 16)).chain(level(20, 256)).chain(level(24, 727));
    all.map(|text| text.parse().expect("a CIDR")).collect()
}

/// A thousand disjoint CIDRs.
pub fn disjoint() -> Vec<Cidr> {
    (0..1000).map(|place| format!("{}/24", Ipv4Addr::from(FIRST + (place << 9))).parse().expect("a CIDR")).collect()
}

/// Passes the pages of a LIST of IPAddresses, each one line of JSON with managedFields, in one reused buffer.
pub fn pages(addresses: impl Iterator<Item = (IpAddr, u32)>, mut take: impl FnMut(&str)) {
    let mut addresses = addresses.peekable();
    let mut page = String::new();
    while addresses.peek().is_some() {
        page.clear();
        page.push_str(r#"{"kind":"IPAddressList","apiVersion":"networking.k8s.io/v1","metadata":{"resourceVersion":"2000000","continue":"eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ","remainingItemCount":1000},"items":["#);
        for (place, (address, number)) in addresses.by_ref().take(PAGE).enumerate() {
            page.push_str(if place == 0 { "" } else { "," });
            write_object(&mut page, address, number, 1_000_000 + number);
        }
        page.push_str("]}\n");
        take(&page);
    }
}

/// Writes an IPAddress with managedFields as a LIST item, without kind.
pub fn write_object(page: &mut String, address: IpAddr, number: u32, version: u32) {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let _ = write!(
        page,
        r#"{{"metadata":{{"name":"{address}","uid":"3eb10db4-3452-4706-a878-50b1{number:08x}","resourceVersion":"{version}","creationTimestamp":"2026-11-23T04:51:08Z","labels":{{"ipaddress.kubernetes.io/ip-family":"{family}","ipaddress.kubernetes.io/managed-by":"ipallocator.k8s.io"}},"managedFields":[{{"manager":"kube-apiserver","operation":"Update","apiVersion":"networking.k8s.io/v1","time":"2026-11-23T04:51:08Z","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:labels":{{".":{{}},"f:ipaddress.kubernetes.io/ip-family":{{}},"f:ipaddress.kubernetes.io/managed-by":{{}}}}}},"f:spec":{{"f:parentRef":{{".":{{}},"f:name":{{}},"f:namespace":{{}},"f:resource":{{}}}}}}}}}}]}},"spec":{{"parentRef":{{"resource":"services","namespace":"team-{:03}","name":"service-{number:07}"}}}}}}"#,
        number % 200
    );
}
