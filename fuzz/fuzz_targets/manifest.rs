//! Manifests, YAML and JSON, in one piece and in small reads: no panic, the same objects at the same positions, and
//! every position is within the text.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::k8s::{Manifest, ManifestError, ManifestKind, read_manifests};

/// Returns few bytes at a time, as a pipe can.
struct SmallReads<'a>(&'a [u8]);

impl Read for SmallReads<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(7);
        self.0.read(into.get_mut(..count).unwrap_or_default())
    }
}

/// The manifests as text, and the result.
fn read(source: impl Read, lines: usize) -> (Vec<String>, Result<(), String>) {
    let mut seen = Vec::new();
    let end = read_manifests::<ManifestError>("fuzz", source, &mut |manifest: Manifest<'_>| {
        let Manifest { text, places, what } = &manifest;
        let diagnostic = text.diagnostic(places.of_field("spec.cidrs[0]"), String::from("here"));
        let (line, column) = diagnostic.at.unwrap_or((1, 1));
        assert!(line >= 1 && column >= 1 && line <= lines as u64 + 1, "{line}:{column} of {lines} lines");
        seen.push(match what {
            ManifestKind::Other(kind) => format!("{line}:{column} other {kind:?}"),
            ManifestKind::ServiceCidr(written) => format!("{line}:{column} {written:?}"),
            ManifestKind::Review(review) => format!("{line}:{column} {review:?}"),
        });
        Ok(())
    });
    (seen, end.map_err(|error| error.to_string()))
}

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count();
    assert_eq!(read(bytes, lines), read(SmallReads(bytes), lines));
});
