//! The page as one file: markup, style, script and data, with a Content-Security-Policy that forbids everything else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::api::Document;
use crate::text::escape_json_control_chars;

use super::PageDocument;

const MARKUP: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// The origin of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file: it makes no requests.
    File,
    /// A server: the page requests current data and previews from it.
    Server,
}

/// The page, and its Content-Security-Policy, which the page contains too.
pub(crate) fn html(page: &PageDocument, origin: Origin) -> serde_json::Result<(String, String)> {
    // `<` could end the element with the data.
    let data = serde_json::to_string(&Document::new("CapacityPage", page))?;
    let data = escape_json_control_chars(&data).replace('<', "\\u003c");
    let connect = match origin {
        Origin::File => "'none'",
        Origin::Server => "'self'",
    };
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src {connect}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let live = if origin == Origin::Server { "yes" } else { "no" };
    // The data last, so that nothing in it is replaced.
    let parts =
        [("@POLICY@", policy.as_str()), ("@LIVE@", live), ("@STYLE@", STYLE), ("@SCRIPT@", SCRIPT), ("@DATA@", &data)];
    let page = parts.iter().fold(MARKUP.to_owned(), |page, (mark, text)| page.replacen(mark, text, 1));
    Ok((page, policy))
}

/// The hash of a script or style, as in a Content-Security-Policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}
