//! Policy files: any bytes result in a policy with a rule or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::config::Loaded;

fuzz_target!(|bytes: &[u8]| {
    match Loaded::from_bytes("fuzz.yaml", bytes) {
        Ok(loaded) => {
            assert!(!loaded.policy.rules().is_empty());
            for note in &loaded.notes {
                assert!(!note.to_string().is_empty());
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.yaml")),
    }
});
