//! Watch events: any bytes result in an event or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::WatchEvent;

fuzz_target!(|bytes: &[u8]| {
    for kind in ResourceKind::ALL {
        let first = WatchEvent::decode(kind, bytes);
        assert_eq!(format!("{first:?}"), format!("{:?}", WatchEvent::decode(kind, bytes)));
    }
});
