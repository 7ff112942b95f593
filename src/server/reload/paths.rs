//! `Paths`: where the policy and the certificates are, and how they are read.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::{ConfigError, Loaded};
use crate::server::tls::{self, Certificate, TlsError};

/// The largest certificate or key file that is read, in bytes.
const MAX_PEM_BYTES: u64 = 1024 * 1024;
/// How often a certificate and its key are read anew that change meanwhile.
const TRIES: usize = 3;

/// Where the files are.
pub(super) struct Paths {
    pub policy: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

impl Paths {
    pub fn read_policy(&self) -> Result<Vec<u8>, ConfigError> {
        crate::config::read(&self.policy)
    }

    pub fn parse_policy(&self, bytes: &[u8]) -> Result<Loaded, ConfigError> {
        Loaded::from_bytes(&self.policy.display().to_string(), bytes)
    }

    /// Both of one moment, where they are swapped together: the certificate is the same again after the key
    /// was read. Where it never is, what was read last.
    pub fn read_pair(&self) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let mut cert = read_pem(&self.cert)?;
        let mut key = read_pem(&self.key)?;
        for _ in 0..TRIES {
            let again = read_pem(&self.cert)?;
            if cert == again {
                break;
            }
            (cert, key) = (again, read_pem(&self.key)?);
        }
        Ok((cert, key))
    }

    pub fn parse_pair(&self, (cert, key): &(Vec<u8>, Vec<u8>)) -> Result<Certificate, TlsError> {
        let certificate = Certificate::from_pem((&self.cert, cert), (&self.key, key))?;
        match tls::now() - certificate.not_after {
            seconds if seconds > 0 => Err(TlsError::Expired { cert: self.cert.clone(), seconds }),
            _ => Ok(certificate),
        }
    }
}

pub(super) fn read_pem(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_PEM_BYTES).read_to_end(&mut bytes))
        .map_err(|error| TlsError::Read { path: path.to_owned(), error })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pair_is_of_one_moment_while_pairs_are_swapped() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let swap = |number: usize| {
            let generation = path(&number.to_string());
            fs::create_dir(&generation).unwrap();
            for name in ["tls.crt", "tls.key"] {
                fs::write(generation.join(name), number.to_string()).unwrap();
            }
            symlink(&generation, path("new")).unwrap();
            fs::rename(path("new"), path("..data")).unwrap();
        };
        swap(0);
        let (cert, key) = (path("..data/tls.crt"), path("..data/tls.key"));
        let paths = Paths { policy: PathBuf::new(), cert, key, client_ca: None };
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1.. {
                    swap(number);
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let pairs: Vec<_> = (0..5000).map(|_| paths.read_pair().unwrap()).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(pairs.iter().all(|(cert, key)| cert == key));
            assert!(pairs.first() != pairs.last());
        });
    }
}
