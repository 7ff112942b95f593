//! The report for people: by family, by ServiceCIDR, what is odd, and last the line that matters.

use crate::capacity::{CapacityReport, CidrCapacity, FamilyCapacity, Forecast, Named, Survey};
use crate::cli::output::Room;
use crate::cli::table::{Align, Table, percent, plural};
use crate::inventory::{Allocation, Idle};
use crate::net::grouped;

use super::Args;

/// The report as it is.
pub(super) fn now(args: &Args, report: &CapacityReport, survey: &Survey) -> String {
    let mut text = families(args, report, survey);
    text += "\n";
    text += &entries(args, report);
    let notes = notes(args, report, survey);
    if !notes.is_empty() {
        text += "\n";
        text += &notes;
    }
    text + "\n" + &last_line(report)
}

fn families(args: &Args, report: &CapacityReport, survey: &Survey) -> String {
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("USED%", Align::Right),
        ("STATIC FREE", Align::Right),
        ("LARGEST FREE BLOCK", Align::Left),
    ]);
    for (family, blocks) in report.families.iter().zip(&survey.free_blocks) {
        let largest = blocks.largest.map_or("-".to_owned(), |run| format!("{} ({run})", grouped(run.count())));
        table.row([
            family.family.to_string(),
            grouped(family.usable),
            grouped(family.used),
            grouped(family.free()),
            percent(family.percent_used()),
            grouped(family.protected.size - family.protected.used),
            largest,
        ]);
    }
    table.render(args.input.header())
}

fn entries(args: &Args, report: &CapacityReport) -> String {
    let room = args.input.room();
    let narrow = [
        ("SERVICECIDR", Align::Left),
        ("CIDR", Align::Left),
        ("STATE", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("UNIQUE", Align::Right),
    ];
    let bar_column = [("USED%", Align::Right), ("USE", Align::Left)];
    let wide = [("STATIC", Align::Right), ("OVERLAPS", Align::Left)];
    let mut columns = narrow.to_vec();
    columns.extend(bar_column.into_iter().filter(|_| room >= Room::Ample));
    columns.extend(wide.into_iter().filter(|_| room >= Room::Unlimited));
    let mut table = Table::new(columns);
    for entry in &report.service_cidrs {
        let state = entry.idle.map_or(entry.readiness.name(), Idle::name);
        let mut cells = vec![
            entry.name.clone(),
            entry.cidr.to_string(),
            state.to_owned(),
            grouped(entry.usable),
            grouped(entry.used),
            grouped(entry.free()),
            grouped(entry.unique),
        ];
        if room >= Room::Ample {
            cells.push(percent(entry.percent_used()));
            cells.push(bar(entry.percent_used()));
        }
        if room >= Room::Unlimited {
            let overlaps: Vec<String> = entry
                .overlaps
                .iter()
                .map(|shared| format!("{} {} {} {}", shared.relation, shared.kind, shared.name, shared.cidr))
                .collect();
            cells.push(grouped(entry.static_band.size));
            cells.push(overlaps.join(", "));
        }
        table.row(cells);
    }
    table.render(args.input.header())
}

/// Ten places, filled as the range is.
fn bar(percent: Option<f64>) -> String {
    let tenths = percent.map_or(0, |percent| (1..=10).filter(|tenth| percent >= f64::from(*tenth) * 10.0).count());
    format!("[{}{}]", "#".repeat(tenths), ".".repeat(10 - tenths))
}

fn notes(args: &Args, report: &CapacityReport, survey: &Survey) -> String {
    let mut notes: Vec<String> = report
        .service_cidrs
        .iter()
        .filter_map(|entry| Some(format!("{} {} {}", entry.name, entry.cidr, entry.idle?.sentence())))
        .collect();
    notes.extend(report.service_cidrs.iter().filter_map(|entry| {
        let is_twin =
            |other: &&CidrCapacity| other.cidr == entry.cidr && other.name != entry.name && other.idle == entry.idle;
        let twin = report.service_cidrs.iter().find(is_twin).filter(|_| entry.idle == Some(Idle::Terminating))?;
        let (name, cidr) = (&entry.name, entry.cidr);
        Some(format!(
            "{name} {cidr} may still be allocated from: kube-apiserver keeps it while {} is there too",
            twin.name
        ))
    }));
    if args.input.room() >= Room::Unlimited && survey.free_static.count > 0 {
        let first: Vec<String> = survey.free_static.first.iter().map(ToString::to_string).collect();
        notes.push(format!("safest to name in a Service, taken dynamically last: {}", first.join(", ")));
    }
    let addresses = |count: u128| format!("{} {}", grouped(count), plural(count, "IPAddress", "IPAddresses"));
    let first = |named: &Named<Allocation>| {
        let all: Vec<String> =
            named.first.iter().map(|allocation| format!("{} ({})", allocation.address, allocation.parent)).collect();
        let more = named.count - named.first.len() as u128;
        let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
        format!("{}{more}", all.join(", "))
    };
    for (named, what) in [
        (Some(&survey.outside), "in no ServiceCIDR"),
        (Some(&survey.ineffective), "in ServiceCIDRs, but where none gives addresses"),
        (Some(&survey.foreign), "held by others than kube-apiserver's allocator"),
        (survey.leaked.as_ref(), "whose Service is gone; kube-apiserver frees them"),
    ] {
        if let Some(named) = named.filter(|named| named.count > 0) {
            notes.push(format!("{} {what}: {}", addresses(named.count), first(named)));
        }
    }
    if let Some(named) = survey.unallocated.as_ref().filter(|named| named.count > 0) {
        let all: Vec<String> = named
            .first
            .iter()
            .map(|(address, service)| format!("{address} ({}/{})", service.namespace, service.name))
            .collect();
        let ips = plural(named.count, "ClusterIP", "ClusterIPs");
        notes.push(format!("{} {ips} of Services without an IPAddress: {}", grouped(named.count), all.join(", ")));
    }
    notes.into_iter().map(|note| format!("- {note}")).map(|line| line + "\n").collect()
}

/// The one line that matters.
fn last_line(report: &CapacityReport) -> String {
    let said = |family: &FamilyCapacity| {
        let free = 100.0 - family.percent_used().unwrap_or(100.0);
        let (name, left, usable) = (family.family, grouped(family.free()), grouped(family.usable));
        match family.free() {
            0 if family.usable == 0 => format!("{name}: no address is usable"),
            0 => format!("{name}: range is full"),
            _ => format!("{name}: {left} of {usable} addresses free ({})", percent(Some(free))),
        }
    };
    let families: Vec<String> = report.families.iter().filter(|family| family.is_configured).map(said).collect();
    format!("{}\n", families.join("; "))
}

/// The report before and after changes.
pub(super) fn before_and_after(args: &Args, report: &CapacityReport, forecast: &Forecast) -> String {
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("USED%", Align::Right),
    ]);
    for (before, after) in forecast.before.iter().zip(&forecast.after) {
        for (when, family) in [("before", before), ("after", after)] {
            table.row([
                family.family.to_string(),
                when.to_owned(),
                grouped(family.usable),
                grouped(family.used),
                grouped(family.free()),
                percent(family.percent_used()),
            ]);
        }
        table.row([
            before.family.to_string(),
            "difference".to_owned(),
            signed(before.usable, after.usable),
            signed(before.used, after.used),
            signed(before.free(), after.free()),
            String::new(),
        ]);
    }
    let entries = entries(args, report);
    let changes: Vec<String> = forecast
        .gained
        .iter()
        .zip(&forecast.lost)
        .filter(|((_, gained), (_, lost))| gained + lost > 0)
        .map(|((family, gained), (_, lost))| {
            format!("{family}: {} addresses become usable, {} stop being", grouped(*gained), grouped(*lost))
        })
        .collect();
    let changes =
        if changes.is_empty() { "no address becomes usable or stops being".to_owned() } else { changes.join("; ") };
    format!("{}\nAfter:\n\n{entries}\n{changes}\nafter: {}", table.render(args.input.header()), last_line(report))
}

fn signed(before: u128, after: u128) -> String {
    match after.checked_sub(before) {
        Some(0) => "0".to_owned(),
        Some(more) => format!("+{}", grouped(more)),
        None => format!("-{}", grouped(before - after)),
    }
}
