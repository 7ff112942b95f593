//! `Paths`: reads the policy file and the certificate files.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::{ConfigError, Loaded};
use crate::server::tls::certificate::Certificate;
use crate::server::tls::error::TlsError;

/// The largest certificate or key file that is read, in bytes.
const MAX_PEM_BYTES: u64 = 1024 * 1024;
/// How often a certificate and its key are read again if the certificate changes meanwhile.
const MAX_PAIR_RETRIES: usize = 3;

/// The paths of the files.
pub(super) struct Paths {
    pub policy: PathBuf,
    /// Certificate and key; `None` if they are not in files.
    pub pair: Option<(PathBuf, PathBuf)>,
    pub client_ca: Option<PathBuf>,
}

impl Paths {
    pub fn read_policy(&self) -> Result<Vec<u8>, ConfigError> {
        crate::config::read(&self.policy)
    }

    pub fn parse_policy(&self, bytes: &[u8]) -> Result<Loaded, ConfigError> {
        Loaded::from_bytes(&self.policy.display().to_string(), bytes)
    }
}

/// Certificate and key of one generation, if they are swapped together: the certificate is unchanged after the key was
/// read. If it changes every time, the last ones read.
pub(super) fn read_pair((cert, key): &(PathBuf, PathBuf)) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let mut pair = (read_pem(cert)?, read_pem(key)?);
    for _ in 0..MAX_PAIR_RETRIES {
        let again = read_pem(cert)?;
        if pair.0 == again {
            break;
        }
        pair = (again, read_pem(key)?);
    }
    Ok(pair)
}

pub(super) fn parse_pair(
    (cert_path, key_path): &(PathBuf, PathBuf),
    (cert, key): &(Vec<u8>, Vec<u8>),
) -> Result<Certificate, TlsError> {
    let certificate = Certificate::from_pem((cert_path, cert), (key_path, key))?;
    match certificate.seconds_left() {
        seconds if seconds < 0 => Err(TlsError::Expired { cert: cert_path.clone(), seconds: -seconds }),
        _ => Ok(certificate),
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
    fn pair_is_consistent_while_files_are_swapped() {
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
        let paths = (path("..data/tls.crt"), path("..data/tls.key"));
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
            let pairs: Vec<_> = (0..5000).map(|_| read_pair(&paths).unwrap()).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(pairs.iter().all(|(cert, key)| cert == key));
            assert!(pairs.first() != pairs.last());
        });
    }
}
