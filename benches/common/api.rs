//! `Api`: an API server with paginated lists, and watches that send a given number of events per second.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::cluster::{in_list_order, nested, shuffled, v4, write_object};

/// The interval between two writes of a watch, with and without events.
const TICK: Duration = Duration::from_millis(1);
const IDLE_TICK: Duration = Duration::from_millis(20);
/// The interval of bookmarks.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(10);

pub struct Api {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    service_cidrs: Vec<String>,
    /// In LIST order.
    addresses: Vec<u32>,
    version: AtomicU32,
    /// Events per second of a watch of IPAddresses, and how many were sent.
    rate: AtomicU64,
    sent: AtomicU64,
    /// The number of compactions.
    compactions: AtomicU64,
}

impl Api {
    /// Serves nested ServiceCIDRs, at most 1,000, and addresses.
    pub fn start(service_cidrs: usize, addresses: u32) -> Self {
        let service_cidrs = nested().into_iter().take(service_cidrs).enumerate();
        let shared = Arc::new(Shared {
            service_cidrs: service_cidrs.map(|(place, cidr)| service_cidr(place, &cidr.to_string())).collect(),
            addresses: in_list_order(addresses).collect(),
            version: AtomicU32::new(2_000_000),
            rate: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            compactions: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let its = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let its = Arc::clone(&its);
                // The thread ends when the client disconnects.
                thread::spawn(move || drop(its.serve(stream.unwrap())));
            }
        });
        Self { address, shared }
    }

    /// Sets the number of events per second.
    pub fn set_event_rate(&self, rate: u64) {
        self.shared.rate.store(rate, SeqCst);
    }

    /// The number of events sent so far.
    pub fn sent_events(&self) -> u64 {
        self.shared.sent.load(SeqCst)
    }

    /// Ends every watch with 410.
    pub fn compact(&self) {
        self.shared.compactions.fetch_add(1, SeqCst);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut request = String::new();
            reader.read_line(&mut request)?;
            let mut header = String::new();
            while reader.read_line(&mut header)? > 2 {
                header.clear();
            }
            let Some(target) = request.split(' ').nth(1) else { return Ok(()) };
            let is_address = target.contains("/ipaddresses");
            if target.contains("watch=") {
                return self.watch(&mut stream, is_address);
            }
            let value = |key: &str| target.split(['?', '&']).find_map(|pair| pair.strip_prefix(key));
            let limit = value("limit=").map_or(500, |limit| limit.parse().unwrap());
            let from = value("continue=").map_or(0, |place| place.parse().unwrap());
            let page = self.page(is_address, from, limit);
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                page.len()
            )?;
            stream.write_all(page.as_bytes())?;
        }
    }

    fn page(&self, is_address: bool, from: usize, limit: usize) -> String {
        let count = if is_address { self.addresses.len() } else { self.service_cidrs.len() };
        let to = count.min(from + limit);
        let (kind, version) = (if is_address { "IPAddress" } else { "ServiceCIDR" }, self.version.load(SeqCst));
        let mut page = format!(
            r#"{{"kind":"{kind}List","apiVersion":"networking.k8s.io/v1","metadata":{{"resourceVersion":"{version}""#
        );
        if to < count {
            let _ = write!(page, r#","continue":"{to}","remainingItemCount":{}"#, count - to);
        }
        page.push_str(r#"},"items":["#);
        for place in from..to {
            page.push_str(if place == from { "" } else { "," });
            if is_address {
                let number = self.addresses[place];
                write_object(&mut page, v4(number).into(), number, 1_000_000 + number);
            } else {
                page.push_str(&self.service_cidrs[place]);
            }
        }
        page.push_str("]}\n");
        page
    }

    fn watch(&self, stream: &mut TcpStream, is_address: bool) -> io::Result<()> {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let compactions = self.compactions.load(SeqCst);
        let order = shuffled(if is_address { self.addresses.clone() } else { Vec::new() });
        let mut changes = order.iter().flat_map(|number| [("DELETED", *number), ("ADDED", *number)]).cycle();
        let (mut rate, mut since, mut done) = (0, Instant::now(), 0);
        let mut bookmarked = Instant::now();
        let mut out = String::new();
        loop {
            if self.compactions.load(SeqCst) > compactions {
                let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#;
                chunk(&mut out, gone);
                return stream.write_all(out.as_bytes());
            }
            let wanted = self.rate.load(SeqCst);
            if wanted != rate {
                (rate, since, done) = (wanted, Instant::now(), 0);
            }
            let owed = (since.elapsed().as_secs_f64() * rate as f64) as u64 - done;
            for (kind, number) in changes.by_ref().take(owed as usize) {
                let version = self.version.fetch_add(1, SeqCst) + 1;
                chunk(&mut out, &event(kind, v4(number).into(), number, version));
            }
            if bookmarked.elapsed() > BOOKMARK_INTERVAL {
                bookmarked = Instant::now();
                let version = self.version.load(SeqCst);
                let object = format!(r#"{{"metadata":{{"resourceVersion":"{version}"}}}}"#);
                chunk(&mut out, &format!(r#"{{"type":"BOOKMARK","object":{object}}}"#));
            }
            stream.write_all(out.as_bytes())?;
            out.clear();
            done += owed;
            self.sent.fetch_add(if is_address { owed } else { 0 }, SeqCst);
            thread::sleep(if rate > 0 { TICK } else { IDLE_TICK });
        }
    }
}

/// A watch event as a line of JSON.
pub fn event(kind: &str, address: IpAddr, number: u32, version: u32) -> String {
    let mut object = String::new();
    write_object(&mut object, address, number, version);
    let rest = &object[1..];
    format!(r#"{{"type":"{kind}","object":{{"kind":"IPAddress","apiVersion":"networking.k8s.io/v1",{rest}}}"#)
}

/// Every event is its own chunk, as from kube-apiserver.
fn chunk(out: &mut String, line: &str) {
    let _ = write!(out, "{:x}\r\n{line}\n\r\n", line.len() + 1);
}

fn service_cidr(place: usize, cidr: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"range-{place:04}","uid":"3eb10db4-3452-4706-a878-50b1{place:08x}","resourceVersion":"{}","creationTimestamp":"2026-11-23T04:51:08Z","finalizers":["networking.k8s.io/service-cidr-finalizer"],"managedFields":[{{"manager":"kubectl-create","operation":"Update","apiVersion":"networking.k8s.io/v1","time":"2026-11-23T04:51:08Z","fieldsType":"FieldsV1","fieldsV1":{{"f:spec":{{"f:cidrs":{{}}}}}}}}]}},"spec":{{"cidrs":["{cidr}"]}},"status":{{"conditions":[{{"type":"Ready","status":"True","lastTransitionTime":"2026-11-23T04:51:08Z","reason":"","message":"Kubernetes Service CIDR is ready"}}]}}}}"#,
        1000 + place
    )
}
