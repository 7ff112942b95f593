//! `listen`: binds a port, and how many connections fit into the open files of the process.

use std::io;
use std::net::{SocketAddr, TcpListener};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections wait in the kernel until they are accepted. The kernel reduces it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// The most connections of the webhook's port. kube-apiserver opens as many as it has requests in flight, by default
/// 600 at most. Each needs 20 to 50 KiB.
const MAX_WEBHOOK_CONNECTIONS: usize = 640;
/// The most connections of the health port.
const MAX_HEALTH_CONNECTIONS: usize = 256;
/// Open files that are not connections.
const RESERVED_FILES: usize = 64;

/// Binds a port.
pub(in crate::server) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // As std::net::TcpListener does: a restarted server binds the port of connections that still close.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Raises the limit on open files to the most that the process may have, and returns how many connections the webhook's
/// port and the health port may have: fewer than their limits if there are too few files.
pub(in crate::server) fn connection_limits() -> (usize, usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    fit(files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX))
}

fn fit(files: usize) -> (usize, usize) {
    let connections = files.saturating_sub(RESERVED_FILES);
    let webhook = (connections / 4 * 3).clamp(4, MAX_WEBHOOK_CONNECTIONS);
    (webhook, (connections / 4).clamp(4, MAX_HEALTH_CONNECTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_open_files() {
        for (files, expected) in
            [(usize::MAX, (640, 256)), (1_048_576, (640, 256)), (512, (336, 112)), (80, (12, 4)), (0, (4, 4))]
        {
            assert_eq!(fit(files), expected, "{files}");
        }
    }
}
