//! Building an inventory from LIST pages of 500 with a million objects with managedFields, compared with a loop that
//! reads only the names and with client-go's decoding of the same bytes; and the peak memory.
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

use std::borrow::Cow;
use std::hint::black_box;
use std::net::IpAddr;
use std::process::Command;

use common::cluster::{in_list_order, pages, shuffled, v4, v6};
use common::peer::Peer;
use common::table::{ROUNDS, Table, goal, once};
use serde::Deserialize;
use servicecidr_guard::inventory::Inventory;
use servicecidr_guard::k8s::ListReader;

const COUNT: u32 = 1_000_000;
/// Objects in memory at a time, and objects that the Kubernetes code decodes.
const BATCH: usize = 100_000;
/// Environment variable that makes a child process read one variant and print its peak memory.
const CHILD: &str = "SERVICECIDR_GUARD_BENCH_READS";

/// A list of which only the names are read: the minimum that any reader does.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    items: Vec<NamedItem<'a>>,
}

#[derive(Deserialize)]
struct NamedItem<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

fn main() {
    match std::env::var(CHILD) {
        Ok(what) => println!("{}", peak_after(&what)),
        Err(_) => {
            times();
            peaks();
        }
    }
}

fn times() {
    let order: Vec<u32> = in_list_order(COUNT).collect();
    let batches: Vec<&[u32]> = order.chunks(BATCH).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start();
    if let Some(peer) = &mut peer {
        let file = folder.path().join("pages");
        let text = batch(batches[0]).concat();
        println!("{:.0} bytes an object, 500 objects a page", text.len() as f64 / BATCH as f64);
        std::fs::write(&file, text).unwrap();
        peer.send(&format!("load {}", file.display()));
    }
    let mut labels = vec![
        "ListReader::read_page into an Inventory",
        "serde_json, metadata.name only",
        "serde_json, metadata.name, as IpAddr into a sorted Vec",
    ];
    labels.extend(peer.is_some().then_some("client-go, typed decoding (100,000, times 10)"));
    let mut table = Table::new(&labels);
    for round in 0..=ROUNDS {
        let mut sample = vec![0.0; 3];
        let mut inventory = Inventory::default();
        let mut sorted: Vec<IpAddr> = Vec::new();
        for numbers in &batches {
            let pages = batch(numbers);
            sample[0] += once(|| {
                let mut reader = ListReader::new(&mut inventory, |_| {});
                pages.iter().for_each(|page| reader.read_page("LIST", page.as_bytes()).unwrap());
                assert_eq!(reader.finish().addresses, numbers.len() as u64);
            });
            sample[1] += once(|| {
                for page in &pages {
                    black_box(names(page).map(|name| name.len()).sum::<usize>());
                }
            });
            sample[2] += once(|| {
                for page in &pages {
                    sorted.extend(names(page).map(|name| name.parse::<IpAddr>().unwrap()));
                }
            });
        }
        sample[2] += once(|| sorted.sort_unstable());
        if let Some(peer) = &mut peer {
            let answer = peer.send("decode");
            assert_eq!(answer.count, BATCH);
            sample.push(answer.cpu_ns as f64 * f64::from(COUNT) / BATCH as f64);
        }
        if round > 0 {
            table.push(&sample);
        }
    }
    table.print("Building an inventory from the pages of a LIST of 1,000,000 IPAddresses");
    goal("CPU / names only", table.ratio(0, 1), 2.0, "");
    if peer.is_some() {
        goal("CPU / client-go", table.ratio(0, 3), 0.15, "");
    }
}

fn batch(numbers: &[u32]) -> Vec<String> {
    let mut all = Vec::new();
    pages(numbers.iter().map(|number| (v4(*number).into(), *number)), |page| all.push(page.to_owned()));
    all
}

fn names(page: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let list: Names<'_> = serde_json::from_slice(page.as_bytes()).unwrap();
    list.items.into_iter().map(|item| item.metadata.name)
}

/// Prints the peak memory of processes that only read.
fn peaks() {
    println!("\nPeak resident memory (VmHWM) of a process that reads 1,000,000 objects, page by page");
    for (what, label) in [
        ("nothing", "creates the pages, reads nothing"),
        ("names", "reads the names, keeps nothing"),
        ("v4", "Inventory, IPv4, in LIST order"),
        ("v4-shuffled", "Inventory, IPv4, in random order"),
        ("v6", "Inventory, IPv6, ascending"),
    ] {
        let child = Command::new(std::env::current_exe().unwrap()).env(CHILD, what).output().unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let mebibytes = text.trim().parse::<f64>().unwrap() / 1024.0;
        println!("  {label:<52} {mebibytes:>6.1} MiB");
        if what.starts_with('v') {
            goal(&format!("peak, {what}"), mebibytes, 96.0, " MiB");
        }
    }
}

fn peak_after(what: &str) -> u64 {
    let mut inventory = Inventory::default();
    let mut reader = ListReader::new(&mut inventory, |_| {});
    let read = |page: &str| match what {
        "nothing" => drop(black_box(page)),
        "names" => drop(black_box(names(page).count())),
        _ => reader.read_page("LIST", page.as_bytes()).unwrap(),
    };
    match what {
        "v6" => pages((1..=COUNT).map(|number| (v6(number).into(), number)), read),
        "v4-shuffled" => {
            let order = shuffled((1..=COUNT).collect());
            pages(order.into_iter().map(|number| (v4(number).into(), number)), read);
        }
        _ => pages(in_list_order(COUNT).map(|number| (v4(number).into(), number)), read),
    }
    drop(reader);
    black_box(&inventory);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
