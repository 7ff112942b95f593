//! `TrackedStream`: a stream that records what its connection does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::phase::{Connection, Phase};

/// A stream of requests and responses.
pub(in crate::server) struct TrackedStream<S> {
    stream: S,
    connection: Arc<Connection>,
}

impl<S> TrackedStream<S> {
    pub fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }

    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.connection.phase() == Phase::Idle {
            self.connection.enter(Phase::Receiving);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if matches!(self.connection.phase(), Phase::Evaluating | Phase::Idle) {
            self.connection.enter(Phase::Responding);
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(result, Poll::Ready(Ok(()))) && self.connection.phase() == Phase::Responding {
            self.connection.enter(Phase::Idle);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::server::connection::source::SourceNetwork;

    #[tokio::test]
    async fn reads_and_writes_change_the_phase() {
        let (mut client, server) = tokio::io::duplex(4);
        let source = SourceNetwork::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let connection = Arc::new(Connection::new(1, source, Phase::Idle));
        let mut stream = TrackedStream::new(server, Arc::clone(&connection));
        client.write_all(b"ab").await.unwrap();
        assert_eq!((stream.read_u8().await.unwrap(), connection.phase()), (b'a', Phase::Receiving));
        connection.enter(Phase::Evaluating);
        // More of a pipelined request changes nothing.
        assert_eq!((stream.read_u8().await.unwrap(), connection.phase()), (b'b', Phase::Evaluating));
        stream.write_all(b"1234").await.unwrap();
        assert_eq!(connection.phase(), Phase::Responding);
        stream.flush().await.unwrap();
        assert_eq!(connection.phase(), Phase::Idle);
        // A response that the client doesn't read.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(1), stream.write_all(b"5678")).await;
        assert_eq!(connection.phase(), Phase::Responding);
    }
}
