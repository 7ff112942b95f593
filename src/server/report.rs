//! `Reports`: the capacity report of what is known, made at most once a second for all who ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;

use crate::api::{Document, Report};
use crate::capacity::{CapacityReport, Survey};
use crate::inventory::{HolderKind, overlaps};

use super::knowledge::Knowledge;

/// How long a report is given to others who ask.
pub(super) const SHARED_FOR: Duration = Duration::from_secs(1);

/// The last report.
#[derive(Default)]
pub(super) struct Reports {
    last: Mutex<Option<(Instant, Arc<Snapshot>)>>,
}

/// What was known at one moment.
pub(super) struct Snapshot {
    /// The report.
    pub report: CapacityReport,
    /// How many pairs of CIDRs share addresses: of ServiceCIDRs, and of one with a declared network.
    pub overlaps: usize,
    /// The report for programs.
    pub json: Bytes,
}

impl Reports {
    /// The report of what is known now, or was within the last second.
    pub fn get(&self, knowledge: &Knowledge) -> Arc<Snapshot> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, snapshot)) = &*last
            && at.elapsed() < SHARED_FOR
        {
            return Arc::clone(snapshot);
        }
        let snapshot = Arc::new(knowledge.ask(|known| {
            let view = known.inventory.view();
            let report = CapacityReport::of_view(&view);
            let survey = Survey::of(known.inventory);
            let document = Document::new("CapacityReport", Report::new(&report, Some(&survey)));
            let json = serde_json::to_vec_pretty(&document).unwrap_or_default();
            // Pairs of ServiceCIDRs are found both ways round, those with a network once.
            let (pairs, single): (Vec<_>, Vec<_>) =
                overlaps(&view).into_iter().partition(|overlap| overlap.other.kind() == HolderKind::ServiceCidr);
            Snapshot { report, overlaps: pairs.len() / 2 + single.len(), json: json.into() }
        }));
        *last = Some((Instant::now(), Arc::clone(&snapshot)));
        snapshot
    }
}
