//! An API server with LIST and WATCH: plain HTTP/1.1, so that it can fail at any byte.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fake_cluster::{FakeCluster, FakeResponse, Fault, LoggedChange, RecordedRequest, kind};

const TICK: Duration = Duration::from_millis(2);

pub struct FakeApiServer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cluster: Mutex<FakeCluster>,
    is_over: AtomicBool,
}

impl FakeApiServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if its.is_over() {
                    return;
                }
                let its = Arc::clone(&its);
                thread::spawn(move || drop(its.serve(&mut stream.unwrap())));
            }
        });
        Self { address, shared }
    }

    pub fn cluster(&self) -> MutexGuard<'_, FakeCluster> {
        self.shared.cluster()
    }

    pub fn respond_with(&self, answer: impl FnMut(&RecordedRequest) -> FakeResponse + Send + 'static) {
        self.cluster().answer = Box::new(answer);
    }
}

impl Drop for FakeApiServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes up the listener.
        drop(TcpStream::connect(self.address));
    }
}

/// The connection must be closed.
struct Closed;

impl From<io::Error> for Closed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Shared {
    fn cluster(&self) -> MutexGuard<'_, FakeCluster> {
        self.cluster.lock().unwrap()
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn serve(&self, stream: &mut TcpStream) -> Result<(), Closed> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        loop {
            let request = self.read_request(stream)?;
            let answer = {
                let mut cluster = self.cluster();
                cluster.requests.push(request.clone());
                (cluster.answer)(&request)
            };
            match answer {
                FakeResponse::CloseConnection => return Err(Closed),
                FakeResponse::Hang => return self.hang(stream),
                FakeResponse::Status(code, headers, message) => send_status_error(stream, code, headers, message)?,
                FakeResponse::Body(body) => send(stream, 200, "", body.as_bytes())?,
                answer if request.is_watch() => self.watch(stream, &request, &answer)?,
                answer => self.list(stream, &request, matches!(answer, FakeResponse::Truncated))?,
            }
        }
    }

    fn read_request(&self, stream: &mut TcpStream) -> Result<RecordedRequest, Closed> {
        let (mut text, mut piece) = (Vec::new(), [0; 4096]);
        while !text.ends_with(b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(0) => return Err(Closed),
                Ok(count) => text.extend_from_slice(&piece[..count]),
                Err(_) if self.is_over() => return Err(Closed),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Closed),
            }
        }
        let text = String::from_utf8(text).unwrap();
        let target = text.split(' ').nth(1).unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let agent = text.lines().find_map(|line| line.strip_prefix("user-agent: ")).unwrap_or_default();
        Ok(RecordedRequest { path: path.to_owned(), query, agent: agent.to_owned() })
    }

    /// Sends nothing until the client disconnects.
    fn hang(&self, stream: &mut TcpStream) -> Result<(), Closed> {
        loop {
            match stream.read(&mut [0; 64]) {
                Ok(0) => return Err(Closed),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(Closed),
                Ok(_) | Err(_) if self.is_over() => return Err(Closed),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn list(&self, stream: &mut TcpStream, request: &RecordedRequest, is_half: bool) -> Result<(), Closed> {
        let limit: usize = request.query["limit"].parse().unwrap();
        let page = {
            let mut cluster = self.cluster();
            let (version, mut items) = match request.query.get("continue") {
                Some(token) => cluster.snapshots[token].clone(),
                None => (cluster.version, cluster.objects[request.path.as_str()].values().cloned().collect()),
            };
            let rest = items.split_off(limit.min(items.len()));
            let mut metadata = json!({"resourceVersion": version.to_string()});
            if !rest.is_empty() {
                let token = format!("token{}", cluster.snapshots.len());
                metadata["continue"] = json!(token);
                metadata["remainingItemCount"] = json!(rest.len());
                cluster.snapshots.insert(token, (version, rest));
            }
            // Like kube-apiserver for its own kinds: items have no kind.
            let bare = |mut item: Value| {
                item.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
                item
            };
            let items: Vec<Value> = items.into_iter().map(bare).collect();
            json!({"kind": format!("{}List", kind(&request.path)), "metadata": metadata, "items": items}).to_string()
        };
        if is_half {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", page.len(), &page[..page.len() / 2])?;
            return Err(Closed);
        }
        send(stream, 200, "", page.as_bytes())
    }

    fn watch(&self, stream: &mut TcpStream, request: &RecordedRequest, answer: &FakeResponse) -> Result<(), Closed> {
        let mut at = request.version().unwrap();
        if at < self.cluster().compacted {
            return send_status_error(stream, 410, "", "too old resource version");
        }
        let (mut left, fault) = match answer {
            FakeResponse::EventsThenFault(count, fault) => (*count, Some(*fault)),
            _ => (usize::MAX, None),
        };
        let end = Instant::now() + self.cluster().watch_lifetime;
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let mut seen = None;
        loop {
            let line = {
                let cluster = self.cluster();
                if at < cluster.compacted {
                    // The change log is compacted.
                    drop(cluster);
                    return chunk(stream, &error(410)).and(Err(Closed));
                }
                let next = cluster.log.iter().find(|change| change.path == request.path && change.version > at);
                next.map(|change| {
                    at = change.version;
                    line(change)
                })
            };
            if self.is_over() || Instant::now() > end {
                return Ok(stream.write_all(b"0\r\n\r\n")?);
            }
            match (line, left, fault) {
                (line, 0, Some(fault)) if line.is_some() || !fault.requires_event() => {
                    let line = line.unwrap_or_default();
                    let half = &line[..line.len() / 2];
                    match fault {
                        Fault::Disconnect => return Err(Closed),
                        Fault::DisconnectMidEvent => return chunk(stream, half).and(Err(Closed)),
                        Fault::EndMidEvent => {
                            chunk(stream, half)?;
                            return Ok(stream.write_all(b"0\r\n\r\n")?);
                        }
                        Fault::EndResponse => return Ok(stream.write_all(b"0\r\n\r\n")?),
                        Fault::Error(code) => {
                            chunk(stream, &error(code))?;
                            return self.hang(stream);
                        }
                        Fault::InvalidLine(text) => {
                            chunk(stream, &format!("{text}\n"))?;
                            return self.hang(stream);
                        }
                        Fault::RepeatOldEvent => {
                            chunk(stream, &line)?;
                            chunk(stream, seen.as_deref().unwrap_or_default())?;
                            left = usize::MAX;
                        }
                        Fault::DuplicateEvent => chunk(stream, &line.repeat(2))?,
                        Fault::Silence => return self.hang(stream),
                    }
                }
                (Some(line), ..) => {
                    chunk(stream, &line)?;
                    seen.get_or_insert(line);
                    left = left.saturating_sub(1);
                }
                (None, ..) => thread::sleep(TICK),
            }
        }
    }
}

fn line(change: &LoggedChange) -> String {
    format!("{}\n", json!({"type": change.kind, "object": change.object}))
}

fn error(code: u16) -> String {
    let status = json!({"kind": "Status", "code": code, "message": "the watch is over", "reason": "Expired"});
    format!("{}\n", json!({"type": "ERROR", "object": status}))
}

/// Writes a chunk; an empty one would end the response.
fn chunk(stream: &mut TcpStream, text: &str) -> Result<(), Closed> {
    if text.is_empty() {
        return Ok(());
    }
    write!(stream, "{:x}\r\n{text}\r\n", text.len())?;
    Ok(stream.flush()?)
}

fn send_status_error(stream: &mut TcpStream, code: u16, headers: &str, message: &str) -> Result<(), Closed> {
    let status = json!({"kind": "Status", "status": "Failure", "code": code, "message": message});
    send(stream, code, headers, status.to_string().as_bytes())
}

fn send(stream: &mut TcpStream, code: u16, headers: &str, body: &[u8]) -> Result<(), Closed> {
    write!(stream, "HTTP/1.1 {code} X\r\nContent-Length: {}\r\n{headers}\r\n", body.len())?;
    stream.write_all(body)?;
    Ok(stream.flush()?)
}
