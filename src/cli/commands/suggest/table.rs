//! Suggestions as tables.

use crate::cli::support::table::{Align, Header, Table};
use crate::net::{AddressRange, UsableRange};
use crate::policy::Suggestions;
use crate::text::thousands;

/// The CIDRs with their capacity.
pub(super) fn suggestions(suggestions: &Suggestions, header: Header) -> String {
    let mut table = Table::new([
        ("CIDR", Align::Left),
        ("FAMILY", Align::Left),
        ("USABLE", Align::Right),
        ("STATIC BAND", Align::Right),
        ("ADDRESSES", Align::Left),
    ]);
    for cidr in &suggestions.found {
        let usable = UsableRange::for_cidr(*cidr);
        let band = usable.and_then(UsableRange::static_band);
        table.row([
            cidr.to_string(),
            cidr.family().to_string(),
            thousands(usable.map_or(0, UsableRange::count)),
            thousands(band.map_or(0, AddressRange::count)),
            usable.map_or_else(|| "-".to_owned(), |usable| usable.range().to_string()),
        ]);
    }
    if table.is_empty() { String::new() } else { table.render(header) }
}

/// The CIDRs with their capacity, and the skipped ranges.
pub(super) fn wide(found: &Suggestions, header: Header) -> String {
    let mut table = Table::new([("PASSED OVER", Align::Left), ("WHY", Align::Left)]);
    for passed in &found.skipped {
        table.row([passed.named(), passed.reason.to_string()]);
    }
    let rest = match found.more {
        0 => String::new(),
        more => format!("and {} more\n", thousands(more as u128)),
    };
    let first = suggestions(found, header);
    let blank = if first.is_empty() || table.is_empty() { "" } else { "\n" };
    let second = if table.is_empty() { String::new() } else { table.render(header) };
    format!("{first}{blank}{second}{rest}")
}
