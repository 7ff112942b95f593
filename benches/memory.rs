//! Bytes per tracked address, and whether they grow linearly.
#![allow(clippy::pedantic, clippy::print_stdout, reason = "a benchmark prints")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(missing_docs, reason = "not a library")]

mod common;

use std::alloc::System;
use std::hint::black_box;
use std::net::IpAddr;

use common::cluster::{allocation, in_list_order, shuffled, v4, v6};
use common::table::goal;
use servicecidr_guard::inventory::{Allocation, AllocationStore};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that the index keeps per address for its owner, without the text of the name.
const OWNER_BYTES: f64 = 24.0;
/// The header, alignment and minimum size of a block of glibc's malloc.
const BLOCK_HEADER: usize = 8;
const ALIGNMENT: usize = 16;
const MIN_BLOCK: usize = 32;

fn main() {
    println!("\nBytes per tracked address, as requested from the allocator");
    println!(
        "  {:<24} {:>10} {:>8} {:>8} {:>8} {:>8} {:>12}",
        "", "addresses", "index", "parent", "total", "blocks", "with malloc"
    );
    for (family, limit) in [("IPv4", 8.0), ("IPv6", 24.0)] {
        for order in ["LIST", "random"] {
            let mut points = Vec::new();
            let (mut worst_index, mut worst_owner) = (0.0_f64, 0.0_f64);
            for count in [10_000, 100_000, 250_000, 500_000, 1_000_000] {
                let numbers = numbers(family, order, count);
                // Without names, to separate the names from the rest.
                let bare = heap_use(family, &numbers, false);
                let total = heap_use(family, &numbers, true);
                let each = |bytes: usize| bytes as f64 / f64::from(count);
                let index = each(bare.bytes) - OWNER_BYTES;
                let owner = OWNER_BYTES + each(total.bytes - bare.bytes);
                println!(
                    "  {:<24} {count:>10} {index:>8.2} {owner:>8.2} {:>8.2} {:>8.2} {:>12.2}",
                    format!("{family}, {order} order"),
                    each(total.bytes),
                    each(total.blocks),
                    each(total.bytes + overhead(&total, &bare)),
                );
                worst_index = worst_index.max(index);
                worst_owner = worst_owner.max(owner);
                points.push((f64::from(count), total.bytes as f64));
            }
            goal(&format!("{family} {order} index, worst"), worst_index, limit, " B");
            goal(&format!("{family} {order} owner, worst"), worst_owner, 64.0, " B");
            println!("  {family} {order} R² {:.6}, goal > 0.99", linearity(&points));
        }
    }
}

struct HeapUse {
    bytes: usize,
    blocks: usize,
}

fn numbers(family: &str, order: &str, count: u32) -> Vec<u32> {
    match (family, order) {
        (_, "random") => shuffled((1..=count).collect()),
        ("IPv4", _) => in_list_order(count).collect(),
        _ => {
            let mut numbers: Vec<u32> = (1..=count).collect();
            numbers.sort_by_cached_key(|number| v6(*number).to_string());
            numbers
        }
    }
}

/// Heap memory that is still in use.
fn heap_use(family: &str, numbers: &[u32], has_names: bool) -> HeapUse {
    let region = Region::new(COUNTING);
    let mut addresses = AllocationStore::default();
    for number in numbers {
        let address = if family == "IPv4" { IpAddr::from(v4(*number)) } else { IpAddr::from(v6(*number)) };
        addresses.insert(named(allocation(address, *number), has_names));
    }
    let stats = region.change();
    black_box(&addresses);
    HeapUse { bytes: stats.bytes_allocated - stats.bytes_deallocated, blocks: stats.allocations - stats.deallocations }
}

fn named(mut allocation: Allocation, has_name: bool) -> Allocation {
    if !has_name {
        allocation.parent.name = String::new();
    }
    allocation
}

/// Bytes that malloc adds to the names: every name is a block. The large blocks of the index are negligible.
fn overhead(total: &HeapUse, bare: &HeapUse) -> usize {
    let blocks = (total.blocks - bare.blocks).max(1);
    let length = (total.bytes - bare.bytes) / blocks;
    let block = (length + BLOCK_HEADER).next_multiple_of(ALIGNMENT).max(MIN_BLOCK);
    blocks * (block - length)
}

/// The coefficient of determination of a linear fit.
fn linearity(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let both = sum(&|p| (p.0 - x) * (p.1 - y));
    both * both / (sum(&|p| (p.0 - x).powi(2)) * sum(&|p| (p.1 - y).powi(2)))
}
