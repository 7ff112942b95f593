//! CIDRs: accepted texts are canonical, and lenient parsing agrees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::net::{AddressRange, Cidr, CidrError, Relation};

fuzz_target!(|text: &str| {
    let lenient = Cidr::parse_lenient(text);
    match text.parse::<Cidr>() {
        Ok(cidr) => {
            assert_eq!(cidr.to_string(), text);
            assert_eq!(lenient, Ok(cidr));
            assert_eq!(cidr.relation(cidr), Relation::Same);
            let range = AddressRange::from(cidr);
            assert!(range.contains(range.first_address()) && range.contains(range.last_address()));
        }
        Err(CidrError::HostBits { canonical } | CidrError::NotCanonical { canonical }) => {
            assert_eq!(canonical.to_string().parse(), Ok(canonical));
            assert_eq!(lenient, Ok(canonical));
        }
        Err(_) => {}
    }
    if let Ok(cidr) = lenient {
        assert_eq!(cidr.to_string().parse(), Ok(cidr));
    }
});
