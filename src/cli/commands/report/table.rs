//! The human-readable report: families, ServiceCIDRs, anomalies, and the headline last.

use crate::capacity::{AllocationAudit, CapacityReport, FamilyCapacity, Forecast};
use crate::cli::support::output::TableWidth;
use crate::cli::support::table::{Align, Header, Table};
use crate::inventory::UnusableReason;
use crate::page::{anomalies, headline};
use crate::text::{percent, thousands};

/// How tables are printed.
pub(super) struct Style {
    pub header: Header,
    pub width: TableWidth,
    /// Whether families that the cluster doesn't have get a row of zeros.
    pub all_families: bool,
}

impl Style {
    fn shows(&self, family: &FamilyCapacity) -> bool {
        self.all_families || family.is_configured || family.usable > 0 || family.used > 0
    }
}

/// The report without changes.
pub(super) fn now(style: &Style, report: &CapacityReport, survey: &AllocationAudit) -> String {
    let mut text = families(style, report, survey);
    text += "\n";
    text += &entries(style, report);
    let mut notes = anomalies(report, survey);
    if style.width >= TableWidth::Unlimited && survey.free_static.count > 0 {
        let first: Vec<String> = survey.free_static.first.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "static band, safest for a fixed clusterIP (allocated dynamically last): {}",
            first.join(", ")
        ));
    }
    if !notes.is_empty() {
        text += "\n";
        text.extend(notes.into_iter().map(|note| format!("- {note}\n")));
    }
    text + "\n" + &headline(report) + "\n"
}

fn families(style: &Style, report: &CapacityReport, survey: &AllocationAudit) -> String {
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("USED%", Align::Right),
        ("STATIC FREE", Align::Right),
        ("LARGEST FREE BLOCK", Align::Left),
    ]);
    let families = report.families.iter().zip(&survey.free_blocks);
    for (family, blocks) in families.filter(|(family, _)| style.shows(family)) {
        let largest = blocks.largest.map_or("-".to_owned(), |run| format!("{} ({run})", thousands(run.count())));
        table.row([
            family.family.to_string(),
            thousands(family.usable),
            thousands(family.used),
            thousands(family.free()),
            percent(family.percent_used()),
            thousands(family.static_everywhere.size - family.static_everywhere.used),
            largest,
        ]);
    }
    table.render(style.header)
}

fn entries(style: &Style, report: &CapacityReport) -> String {
    let width = style.width;
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
    columns.extend(bar_column.into_iter().filter(|_| width >= TableWidth::Ample));
    columns.extend(wide.into_iter().filter(|_| width >= TableWidth::Unlimited));
    let mut table = Table::new(columns);
    for entry in &report.service_cidrs {
        let state = entry.unusable_reason.map_or(entry.readiness.as_str(), UnusableReason::as_str);
        let mut cells = vec![
            entry.name.clone(),
            entry.cidr.to_string(),
            state.to_owned(),
            thousands(entry.usable),
            thousands(entry.used),
            thousands(entry.free()),
            thousands(entry.unique),
        ];
        if width >= TableWidth::Ample {
            cells.push(percent(entry.percent_used()));
            cells.push(bar(entry.percent_used()));
        }
        if width >= TableWidth::Unlimited {
            let overlaps: Vec<String> = entry
                .overlaps
                .iter()
                .map(|shared| format!("{} {} {} {}", shared.relation, shared.kind, shared.name, shared.cidr))
                .collect();
            cells.push(thousands(entry.static_band.size));
            cells.push(overlaps.join(", "));
        }
        table.row(cells);
    }
    table.render(style.header)
}

/// A bar of ten characters, filled in proportion.
fn bar(percent: Option<f64>) -> String {
    let tenths = percent.map_or(0, |percent| (1..=10).filter(|tenth| percent >= f64::from(*tenth) * 10.0).count());
    format!("[{}{}]", "#".repeat(tenths), ".".repeat(10 - tenths))
}

/// The report before and after changes.
pub(super) fn before_and_after(style: &Style, report: &CapacityReport, forecast: &Forecast) -> String {
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("USED%", Align::Right),
    ]);
    let families = forecast.before.iter().zip(&forecast.after);
    for (before, after) in families.filter(|(before, after)| style.shows(before) || style.shows(after)) {
        for (when, family) in [("before", before), ("after", after)] {
            table.row([
                family.family.to_string(),
                when.to_owned(),
                thousands(family.usable),
                thousands(family.used),
                thousands(family.free()),
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
    let entries = entries(style, report);
    let changes: Vec<String> = forecast
        .gained
        .iter()
        .zip(&forecast.lost)
        .filter(|((_, gained), (_, lost))| gained + lost > 0)
        .map(|((family, gained), (_, lost))| {
            format!("{family}: {} addresses become usable, {} stop being", thousands(*gained), thousands(*lost))
        })
        .collect();
    let changes =
        if changes.is_empty() { "no address becomes usable or stops being".to_owned() } else { changes.join("; ") };
    format!("{}\nAfter:\n\n{entries}\n{changes}\nafter: {}\n", table.render(style.header), headline(report))
}

fn signed(before: u128, after: u128) -> String {
    match after.checked_sub(before) {
        Some(0) => "0".to_owned(),
        Some(more) => format!("+{}", thousands(more)),
        None => format!("-{}", thousands(before - after)),
    }
}
