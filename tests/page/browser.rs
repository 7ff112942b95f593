//! A headless Chromium, controlled through its debugging pipe.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Flags that prevent network access and dialogs.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe";

pub struct Browser {
    folder: TempDir,
    child: Child,
    to: File,
    from: BufReader<File>,
    sent: u64,
    /// Events that were not read yet.
    events: VecDeque<Value>,
}

/// A page of the browser.
pub struct Tab<'b> {
    browser: &'b mut Browser,
    session: String,
}

impl Browser {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let pipes = ["in", "out"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // A pipe that is opened for reading and writing doesn't block.
        let line = format!("exec chromium {FLAGS} --user-data-dir=profile about:blank 3<>in 4<>out > log 2>&1");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(folder.path()).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (to, from) = (open(&pipes[0]), BufReader::new(open(&pipes[1])));
        Self { folder, child, to, from, sent: 0, events: VecDeque::new() }
    }

    /// Opens a URL with a size and a colour scheme, and waits until it is loaded.
    pub fn open(&mut self, url: &str, size: (u32, u32), scheme: &str) -> Tab<'_> {
        let target = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}));
        let attached =
            self.call(None, "Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        self.events.clear();
        let mut tab = Tab { browser: self, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), &json!({}));
        }
        let metrics = json!({"width": size.0, "height": size.1, "deviceScaleFactor": 1, "mobile": false});
        tab.call("Emulation.setDeviceMetricsOverride", &metrics);
        let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        tab.call("Emulation.setEmulatedMedia", &feature);
        tab.call("Page.navigate", &json!({"url": url}));
        tab.wait_for("Page.loadEventFired");
        tab
    }

    fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push_back(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut text = Vec::new();
        self.from.read_until(0, &mut text).unwrap();
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(text.pop() == Some(0), "Chromium has ended: {}", log());
        serde_json::from_slice(&text).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The process can have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tab<'_> {
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let session = self.session.clone();
        self.browser.call(Some(&session), method, parameters)
    }

    fn wait_for(&mut self, event: &str) {
        while !self.browser.events.iter().any(|seen| seen["method"] == event) {
            let event = self.browser.read();
            self.browser.events.push_back(event);
        }
    }

    /// The value of an expression, which may be a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let waits = format!(
            "new Promise((done, fail) => {{ let turns = 0; const ask = () => {{ if ({expression}) done(true); \
             else if (turns++ > 600) fail(new Error('never')); else setTimeout(ask, 50); }}; ask(); }})"
        );
        self.value(&waits);
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// The console messages, exceptions and policy violations, and the requested URLs.
    pub fn console_and_requests(&mut self) -> (Vec<String>, Vec<String>) {
        // Earlier events arrive before this response.
        self.value("new Promise((done) => setTimeout(done, 100))");
        let mut console = Vec::new();
        let mut urls = Vec::new();
        for event in &self.browser.events {
            match event["method"].as_str().unwrap_or_default() {
                "Log.entryAdded" => console.push(event["params"]["entry"]["text"].to_string()),
                "Runtime.exceptionThrown" => console.push(event["params"]["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" => console.push(event["params"]["args"].to_string()),
                "Network.requestWillBeSent" => {
                    urls.push(event["params"]["request"]["url"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
        }
        (console, urls)
    }

    /// A screenshot, as PNG in base64.
    pub fn screenshot(&mut self, height: Option<u32>) -> String {
        let size = self
            .value("({width: document.documentElement.clientWidth, height: document.documentElement.scrollHeight})");
        let height = height.map_or(size["height"].clone(), |height| json!(height));
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1});
        let screenshot =
            self.call("Page.captureScreenshot", &json!({"format": "png", "clip": clip, "captureBeyondViewport": true}));
        screenshot["data"].as_str().unwrap().to_owned()
    }
}
