//! Lists of objects, JSON and YAML, in one piece and in small reads: no panic, neither in reading nor in the report.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::capacity::{AllocationAudit, CapacityReport};
use servicecidr_guard::inventory::Inventory;
use servicecidr_guard::k8s::{ListReader, Reading};

/// Returns few bytes at a time, as a pipe can.
struct SmallReads<'a>(&'a [u8]);

impl Read for SmallReads<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(7);
        self.0.read(into.get_mut(..count).unwrap_or_default())
    }
}

fn read(source: impl Read) -> (Inventory, Result<(), String>, Reading) {
    let mut inventory = Inventory::default();
    let mut reader = ListReader::new(&mut inventory, |_| {});
    let end = reader.read("fuzz", source).map_err(|error| error.to_string());
    let reading = reader.finish();
    (inventory, end, reading)
}

fuzz_target!(|bytes: &[u8]| {
    let (inventory, end, reading) = read(bytes);
    let (_, slow_end, slow_reading) = read(SmallReads(bytes));
    assert_eq!((&end, &reading), (&slow_end, &slow_reading));

    let mut paged = Inventory::default();
    let mut reader = ListReader::new(&mut paged, |_| {});
    let page = reader.read_page("fuzz", bytes);
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json {
        assert_eq!((end.is_ok(), &reading), (page.is_ok(), &reader.finish()));
    }

    let report = CapacityReport::for_inventory(&inventory);
    for family in &report.families {
        assert!(family.used <= family.usable && family.foreign <= family.used);
    }
    drop(AllocationAudit::for_inventory(&inventory));
});
