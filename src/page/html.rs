//! The page as one file: markup, style, script and data, under a policy that lets nothing else run or load.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::api::Document;
use crate::text::escape_json_control_chars;

use super::PageDocument;

const MARKUP: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Where a page comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file: it asks nobody.
    File,
    /// A server: it may ask that one, for current data and for previews.
    Server,
}

/// The page, and its Content-Security-Policy, which stands in the page as well.
pub(crate) fn html(page: &PageDocument, origin: Origin) -> serde_json::Result<(String, String)> {
    // `<` could end the element that holds the data.
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
    // The data last: what is in it is replaced by nothing.
    let parts =
        [("@POLICY@", policy.as_str()), ("@LIVE@", live), ("@STYLE@", STYLE), ("@SCRIPT@", SCRIPT), ("@DATA@", &data)];
    let page = parts.iter().fold(MARKUP.to_owned(), |page, (mark, text)| page.replacen(mark, text, 1));
    Ok((page, policy))
}

/// As a Content-Security-Policy names what it lets run.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}
