//! Kubernetes API objects: reviews (strict), lists and watches (lenient), manifests (with source positions).

mod client;
mod fields;
mod item;
mod list;
mod manifest;
mod object;
mod response;
mod review;
mod watch;
mod yaml_stream;

pub use client::{ClientError, Impersonate, Source, connect};
pub use item::InventoryObject;
pub use list::{ListError, ListReader, Reading, SkippedObject, UnreadableReason};
pub use manifest::{
    MAX_DOCUMENT, Manifest, ManifestDocument, ManifestError, ManifestKind, ServiceCidrManifest, SourceSpans, Version,
    read_manifests,
};
pub use response::{AdmissionOutcome, respond};
pub use review::{RequestError, Review, ReviewError};
pub use watch::{
    Entry, FailureReason, NamedObject, ObjectError, Observed, PatchType, SharedInventory, Snapshot, SnapshotError,
    Status, WatchConfig, WatchEvent, WatchEventError, WatchScope, run, service_cidr_names, snapshot,
};
