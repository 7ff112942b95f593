//! `plan`: what the Secret and the `caBundle` should contain. A pure function of what they contain and the time.

use std::time::Duration;

use crate::pki::{CaBundle, CertificateAuthority, PkiError, Validity, check_origin};

use super::ca_set::{CaSet, NextCa, PreviousCa, UnusableSecret};
use super::settings::Lifetimes;

/// What a replica observes, and what it remembers.
pub(super) struct Observation<'a> {
    /// The CAs of the Secret; `None` if it doesn't exist or was never read.
    pub secret: Option<Result<&'a CaSet, &'a UnusableSecret>>,
    /// The annotation of the Secret that requests a rotation.
    pub rotation: &'a str,
    /// The `caBundle` of every webhook; `None` if the configuration doesn't exist or was never read.
    pub bundles: Option<&'a [CaBundle]>,
    /// The last usable CAs that this replica read or wrote.
    pub memory: Option<&'a CaSet>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What to do.
#[derive(Debug)]
pub(super) struct Plan {
    /// The CAs to use: those of the Secret after the write.
    pub set: Option<CaSet>,
    /// Why the Secret is to be written with `set`, if it is.
    pub secret: Option<SecretChange>,
    /// Whether the `caBundle` is to be written with that of `set`.
    pub is_bundle_wrong: bool,
    /// When something becomes due, in seconds since 1970.
    pub due: Option<i64>,
}

/// Why the Secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretChange {
    /// It has no usable CA, and none is remembered: a first CA.
    Created,
    /// It lost its CAs: those that this replica remembers.
    Restored,
    /// A CA that will sign next.
    NextCreated,
    /// The `caBundle` contains the next CA: the overlap begins.
    NextTrusted,
    /// The next CA signs from now on.
    Promoted,
    /// No certificate of a previous CA is valid any more.
    PreviousRemoved,
}

/// Decides what to do. `common_name` is that of the CAs of this installation.
pub(super) fn plan(common_name: &str, lifetimes: &Lifetimes, observed: &Observation<'_>) -> Result<Plan, PkiError> {
    let memory = observed.memory.filter(|set| set.current.validity.not_after > observed.now);
    let (set, secret) = match observed.secret {
        None => (memory.cloned(), None),
        Some(Ok(set)) => {
            let (set, change) = advance(common_name, lifetimes, set, observed)?;
            (Some(set), change)
        }
        Some(Err(error)) => match memory {
            Some(set) => (Some(set.clone()), Some(SecretChange::Restored)),
            None if is_foreign(error) => (None, None),
            None => {
                let set = first(common_name, lifetimes, observed)?;
                (Some(set), Some(SecretChange::Created))
            }
        },
    };
    let is_bundle_wrong = set.as_ref().zip(observed.bundles).is_some_and(|(set, bundles)| {
        let bundle = set.bundle();
        bundles.iter().any(|found| *found != bundle)
    });
    let due = set.as_ref().and_then(|set| due(set, lifetimes, observed.now));
    Ok(Plan { set, secret, is_bundle_wrong, due })
}

/// A CA of another program is neither signed with nor overwritten.
fn is_foreign(error: &UnusableSecret) -> bool {
    matches!(error, UnusableSecret::Authority(_, crate::pki::AuthorityError::Foreign(_)))
}

/// The first CA. CAs of this installation that the `caBundle` contains stay there while a certificate of theirs may be
/// served by another replica.
fn first(common_name: &str, lifetimes: &Lifetimes, observed: &Observation<'_>) -> Result<CaSet, PkiError> {
    let mut set = CaSet::of(new_ca(common_name, lifetimes, observed.now)?, observed.rotation.to_owned());
    let until = last_use(lifetimes, observed.now);
    for certificate in observed.bundles.into_iter().flatten().flat_map(CaBundle::certificates) {
        let is_known = set.previous.iter().any(|previous| previous.certificate == certificate);
        let is_valid = check_origin(common_name, &certificate).is_ok_and(|validity| validity.not_after > observed.now);
        if is_valid && !is_known {
            set.previous.push(PreviousCa { certificate: certificate.into_owned(), until });
        }
    }
    Ok(set)
}

/// The next step of a rotation, if one is due.
fn advance(
    common_name: &str,
    lifetimes: &Lifetimes,
    set: &CaSet,
    observed: &Observation<'_>,
) -> Result<(CaSet, Option<SecretChange>), PkiError> {
    let now = observed.now;
    let mut set = set.clone();
    let is_expired = set.current.validity.not_after <= now;
    let is_due = now >= renewal(&set, lifetimes) || set.rotation != observed.rotation;
    let change = match &mut set.next {
        None if is_expired || is_due => {
            let authority = new_ca(common_name, lifetimes, now)?;
            set.next = Some(NextCa { authority, trusted_since: None });
            observed.rotation.clone_into(&mut set.rotation);
            Some(SecretChange::NextCreated)
        }
        None => None,
        // It can't be worse than an expired one.
        Some(_) if is_expired => promote(&mut set, lifetimes, now),
        Some(next) => match (next.trusted_since, is_trusted(next, observed)) {
            (None, true) => {
                next.trusted_since = Some(now);
                Some(SecretChange::NextTrusted)
            }
            (Some(since), true) if now >= after(since, lifetimes.overlap) => promote(&mut set, lifetimes, now),
            _ => None,
        },
    };
    let before = set.previous.len();
    set.previous.retain(|previous| previous.until > now);
    let removed = (set.previous.len() < before).then_some(SecretChange::PreviousRemoved);
    Ok((set, change.or(removed)))
}

/// Whether the `caBundle` of every webhook contains the next CA.
fn is_trusted(next: &NextCa, observed: &Observation<'_>) -> bool {
    let contains = |bundle: &CaBundle| bundle.contains(&next.authority.certificate);
    observed.bundles.is_some_and(|bundles| bundles.iter().all(contains))
}

fn promote(set: &mut CaSet, lifetimes: &Lifetimes, now: i64) -> Option<SecretChange> {
    let next = set.next.take()?.authority;
    let certificate = std::mem::replace(&mut set.current, next).certificate;
    set.previous.push(PreviousCa { certificate, until: last_use(lifetimes, now) });
    Some(SecretChange::Promoted)
}

/// When no certificate is served any more that a CA has signed until now. A replica may sign until it sees the change.
fn last_use(lifetimes: &Lifetimes, now: i64) -> i64 {
    after(now, lifetimes.certificate + lifetimes.overlap)
}

/// When the next step is due, as far as time alone decides.
fn due(set: &CaSet, lifetimes: &Lifetimes, now: i64) -> Option<i64> {
    let rotation = match &set.next {
        None => Some(renewal(set, lifetimes)),
        Some(next) => next.trusted_since.map(|since| after(since, lifetimes.overlap)),
    };
    let ends = set.previous.iter().map(|previous| previous.until);
    ends.chain(rotation).chain([set.current.validity.not_after]).filter(|due| *due > now).min()
}

/// When the current CA is to be renewed.
fn renewal(set: &CaSet, lifetimes: &Lifetimes) -> i64 {
    set.current.validity.not_after.saturating_sub(seconds(lifetimes.ca_renew_before))
}

fn new_ca(common_name: &str, lifetimes: &Lifetimes, now: i64) -> Result<CertificateAuthority, PkiError> {
    CertificateAuthority::generate(common_name, Validity::starting_at(now, lifetimes.ca))
}

fn after(time: i64, duration: Duration) -> i64 {
    time.saturating_add(seconds(duration))
}

pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NAME: &str = "guard/guard-ca";
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const LIFETIMES: Lifetimes = Lifetimes {
        ca: Duration::from_secs(365 * 24 * 3600),
        ca_renew_before: Duration::from_secs(122 * 24 * 3600),
        overlap: Duration::from_secs(3600),
        certificate: Duration::from_secs(30 * 24 * 3600),
        certificate_renew_before: Duration::from_secs(10 * 24 * 3600),
    };

    /// The objects, as a cluster stores them.
    struct Cluster {
        secret: Result<CaSet, UnusableSecret>,
        rotation: String,
        bundle: CaBundle,
        now: i64,
    }

    impl Cluster {
        fn new() -> Self {
            let now = 1_800_000_000;
            Self { secret: Err(UnusableSecret::Empty), rotation: String::new(), bundle: CaBundle::default(), now }
        }

        fn plan(&self, memory: Option<&CaSet>) -> Plan {
            let bundles = [self.bundle.clone(), self.bundle.clone()];
            let observation = Observation {
                secret: Some(self.secret.as_ref()),
                rotation: &self.rotation,
                bundles: Some(&bundles),
                memory,
                now: self.now,
            };
            plan(NAME, &LIFETIMES, &observation).unwrap()
        }

        /// Carries out plans until there is nothing to do. Returns what was done.
        fn settle(&mut self, memory: Option<&CaSet>) -> Vec<SecretChange> {
            let mut changes = Vec::new();
            loop {
                let Plan { set, secret, is_bundle_wrong, .. } = self.plan(memory);
                match (secret, set) {
                    (Some(change), Some(set)) => {
                        changes.push(change);
                        // Stored and read again.
                        let entries = set.entries().into_iter();
                        let data: BTreeMap<String, String> =
                            entries.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
                        self.secret = CaSet::parse(NAME, &data);
                        assert_eq!(self.secret.as_ref(), Ok(&set));
                    }
                    (None, Some(set)) if is_bundle_wrong => self.bundle = set.bundle(),
                    _ => return changes,
                }
            }
        }

        fn set(&self) -> &CaSet {
            self.secret.as_ref().unwrap()
        }

        fn size(&self) -> usize {
            self.bundle.certificates().count()
        }
    }

    #[test]
    fn first_ca_is_created_once() {
        let mut cluster = Cluster::new();
        assert_eq!(cluster.settle(None), [SecretChange::Created]);
        assert!(cluster.bundle.contains(&cluster.set().current.certificate) && cluster.size() == 1);
        assert_eq!(cluster.plan(None).due, Some(cluster.now + 243 * DAY));
        cluster.now += 243 * DAY - 1;
        assert_eq!(cluster.settle(None), []);
    }

    #[test]
    fn rotation_overlaps_on_both_sides() {
        let mut cluster = Cluster::new();
        cluster.settle(None);
        let first = cluster.set().current.clone();
        cluster.now += 243 * DAY;
        assert_eq!(cluster.settle(None), [SecretChange::NextCreated, SecretChange::NextTrusted]);
        assert_eq!((&cluster.set().current, cluster.size()), (&first, 2));
        assert_eq!(cluster.plan(None).due, Some(cluster.now + HOUR));
        cluster.now += HOUR;
        assert_eq!(cluster.settle(None), [SecretChange::Promoted]);
        assert!(cluster.set().current != first && cluster.size() == 2);
        // The last certificate of the first CA may have been signed an hour after the promotion.
        assert_eq!(cluster.plan(None).due, Some(cluster.now + 30 * DAY + HOUR));
        cluster.now += 30 * DAY + HOUR;
        assert_eq!(cluster.settle(None), [SecretChange::PreviousRemoved]);
        assert!(!cluster.bundle.contains(&first.certificate) && cluster.size() == 1);
    }

    #[test]
    fn next_ca_waits_until_every_bundle_contains_it() {
        let mut cluster = Cluster::new();
        cluster.settle(None);
        cluster.now += 243 * DAY;
        let created = cluster.plan(None);
        assert_eq!(created.secret, Some(SecretChange::NextCreated));
        cluster.secret = Ok(created.set.unwrap());
        // Somebody keeps the bundle from being changed.
        for _ in 0..3 {
            cluster.now += DAY;
            let plan = cluster.plan(None);
            assert!(plan.secret.is_none() && plan.is_bundle_wrong);
        }
        assert_eq!(cluster.settle(None), [SecretChange::NextTrusted]);
        // The overlap passes while the bundle is empty.
        let bundle = std::mem::take(&mut cluster.bundle);
        cluster.now += DAY;
        assert!(cluster.plan(None).secret.is_none());
        cluster.bundle = bundle;
        assert_eq!(cluster.settle(None), [SecretChange::Promoted]);
    }

    #[test]
    fn annotation_requests_one_rotation() {
        let mut cluster = Cluster::new();
        cluster.rotation = "1".to_owned();
        assert_eq!(cluster.settle(None), [SecretChange::Created]);
        cluster.rotation = "2".to_owned();
        assert_eq!(cluster.settle(None), [SecretChange::NextCreated, SecretChange::NextTrusted]);
        cluster.now += HOUR;
        assert_eq!(cluster.settle(None), [SecretChange::Promoted]);
        cluster.now += HOUR;
        assert_eq!(cluster.settle(None), []);
    }

    #[test]
    fn lost_secret_is_restored_from_memory() {
        let mut cluster = Cluster::new();
        cluster.settle(None);
        let remembered = cluster.set().clone();
        let other = CertificateAuthority::generate("other", Validity::starting_at(cluster.now, LIFETIMES.ca)).unwrap();
        let foreign = CaSet::of(other, String::new()).entries().into_iter();
        let foreign = foreign.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        for unusable in [
            Err(UnusableSecret::Empty),
            Err(UnusableSecret::Absent("ca.key")),
            Err(UnusableSecret::Entry("ca.crt", "Invalid symbol".to_owned())),
            CaSet::parse(NAME, &foreign),
        ] {
            assert!(unusable.is_err());
            cluster.secret = unusable;
            assert_eq!(cluster.settle(Some(&remembered)), [SecretChange::Restored]);
            assert_eq!(cluster.set(), &remembered);
        }
    }

    #[test]
    fn foreign_ca_is_neither_used_nor_overwritten() {
        let mut cluster = Cluster::new();
        let error = crate::pki::AuthorityError::Foreign("CN=corporate CA".to_owned());
        cluster.secret = Err(UnusableSecret::Authority("ca.crt", error));
        let plan = cluster.plan(None);
        assert!(plan.set.is_none() && plan.secret.is_none() && !plan.is_bundle_wrong);
    }

    #[test]
    fn new_ca_keeps_those_that_other_replicas_may_serve() {
        let mut cluster = Cluster::new();
        cluster.settle(None);
        let lost = cluster.set().current.certificate.clone();
        let foreign = CertificateAuthority::generate("x", Validity::starting_at(cluster.now, LIFETIMES.ca)).unwrap();
        cluster.bundle = cluster.bundle.certificates().chain([foreign.certificate.clone()]).collect();
        cluster.secret = Err(UnusableSecret::Empty);
        assert_eq!(cluster.settle(None), [SecretChange::Created]);
        assert!(cluster.bundle.contains(&lost) && !cluster.bundle.contains(&foreign.certificate));
        cluster.now += 30 * DAY + HOUR;
        assert_eq!(cluster.settle(None), [SecretChange::PreviousRemoved]);
        assert!(!cluster.bundle.contains(&lost));
    }

    #[test]
    fn expired_ca_is_replaced_without_delay() {
        let mut cluster = Cluster::new();
        cluster.settle(None);
        let old = cluster.set().current.clone();
        cluster.now += 366 * DAY;
        assert_eq!(cluster.settle(None), [SecretChange::NextCreated, SecretChange::Promoted]);
        assert_ne!(cluster.set().current, old);
        // An expired CA is not restored.
        cluster.secret = Err(UnusableSecret::Empty);
        assert_eq!(cluster.settle(Some(&CaSet::of(old, String::new()))), [SecretChange::Created]);
    }

    #[test]
    fn secret_that_does_not_exist_is_not_written() {
        let cluster = Cluster::new();
        let observation =
            Observation { secret: None, rotation: "", bundles: Some(&[]), memory: None, now: cluster.now };
        let plan = plan(NAME, &LIFETIMES, &observation).unwrap();
        assert!(plan.set.is_none() && plan.secret.is_none());
    }
}
