//! `segments`: the allocatable ranges of a family, cut at every boundary of a range or a static band, with the number
//! of ranges that cover each segment.

use crate::net::{AddressRange, IpFamily, UsableRange};

/// A part of the address space that the same ranges cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub range: AddressRange,
    /// The number of ranges that cover it: at least one.
    pub cover: usize,
    /// The number of ranges whose static band contains it.
    pub band_cover: usize,
    /// The index of the range that covers it, if only one does.
    pub only: Option<usize>,
}

impl Segment {
    /// Whether it is in the static band of every range that covers it.
    pub fn is_protected(self) -> bool {
        self.band_cover == self.cover
    }
}

/// Cuts ranges into segments, ascending. O(n log n).
pub(super) fn segments(family: IpFamily, ranges: &[UsableRange]) -> Vec<Segment> {
    // At every boundary: how the number of covering ranges and bands changes, and how the sum of the indices of the
    // covering ranges changes. If one range covers a segment, that sum is its index.
    let mut borders: Vec<(u128, CoverageDelta)> = Vec::with_capacity(ranges.len() * 4);
    for (place, range) in ranges.iter().enumerate().filter(|(_, range)| range.range().family() == family) {
        let whole = CoverageDelta { cover: 1, band: 0, places: signed(place) };
        borders.extend(boundaries(range.range(), whole));
        borders.extend(
            range
                .static_band()
                .into_iter()
                .flat_map(|band| boundaries(band, CoverageDelta { cover: 0, band: 1, places: 0 })),
        );
    }
    borders.sort_unstable_by_key(|(at, _)| *at);

    let mut found = Vec::new();
    let mut now = CoverageDelta::default();
    let mut since = 0;
    for (at, step) in borders {
        if at > since && now.cover > 0 {
            found.extend(segment(family, since, at, now));
        }
        since = at;
        now = now.plus(step);
    }
    found.extend((now.cover > 0).then(|| segment(family, since, END_OF_SPACE, now)).flatten());
    found
}

/// The boundary after the last address of IPv6.
const END_OF_SPACE: u128 = u128::MAX;

#[derive(Clone, Copy, Default)]
struct CoverageDelta {
    cover: i64,
    band: i64,
    places: i64,
}

impl CoverageDelta {
    fn plus(self, other: Self) -> Self {
        Self { cover: self.cover + other.cover, band: self.band + other.band, places: self.places + other.places }
    }

    fn negated(self) -> Self {
        Self { cover: -self.cover, band: -self.band, places: -self.places }
    }
}

/// Where a range begins and ends to count. A range up to the very last address never ends.
fn boundaries(range: AddressRange, step: CoverageDelta) -> impl Iterator<Item = (u128, CoverageDelta)> {
    let end = range.last().checked_add(1).map(|after| (after, step.negated()));
    std::iter::once((range.first(), step)).chain(end)
}

fn segment(family: IpFamily, first: u128, after: u128, now: CoverageDelta) -> Option<Segment> {
    let last = if after == END_OF_SPACE { family.last() } else { after.checked_sub(1)? };
    Some(Segment {
        range: AddressRange::new(family, first, last)?,
        cover: usize::try_from(now.cover).ok()?,
        band_cover: usize::try_from(now.band).ok()?,
        only: (now.cover == 1).then(|| usize::try_from(now.places).ok()).flatten(),
    })
}

fn signed(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
