//! Translation between the Kubernetes API and the types of the core.

mod client;
mod fields;
mod item;
mod list;
mod manifest;
mod object;
mod response;
mod review;
mod watch;

pub use client::{ClientError, Impersonate, Source, connect};
pub use item::Object;
pub use list::{LeftOut, ListError, ListReader, Omission, Reading};
pub use manifest::{MAX_DOCUMENT, Manifest, ManifestError, Places, Text, Version, What, Written, read_manifests};
pub use response::{Answer, respond};
pub use review::{Refusal, Review, ReviewError};
pub use watch::{
    Entry, Frame, FrameError, Live, Reason, Snapshot, SnapshotError, Status, Timing, Wanted, run, service_cidr_names,
    snapshot,
};
