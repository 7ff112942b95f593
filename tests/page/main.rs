//! The web page in a real Chromium. Run by `make page-test`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod browser;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/program.rs"]
mod program;

#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/violations.rs"]
mod violations;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use browser::{Browser, Tab};
use program::{Server, fixtures, program};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);
const POLICY: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n\
    networks: [{name: lab, cidr: 10.96.4.0/22, description: Test machines}]\n\
    allowedRanges: {ranges: [10.96.0.0/16, \"fd00:10:96::/64\"]}\nnoOverlap: {}\n\
    reservedNetworks: {presets: [cgnat], discover: [nodePodCIDRs]}\n";

fn inventory(name: &str) -> PathBuf {
    fixtures().join("inventories").join(name)
}

fn run_program(arguments: &[&str]) -> String {
    let output = program().args(arguments).output().unwrap();
    assert!(output.status.success() || output.status.code() == Some(2), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the page of an inventory into a file, and returns its URL.
fn write_page(folder: &TempDir, path: &Path) -> String {
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let page =
        run_program(&["report", "-f", path.to_str().unwrap(), "--policy", policy.to_str().unwrap(), "-o", "html"]);
    let file = folder.path().join("page.html");
    fs::write(&file, page).unwrap();
    format!("file://{}", file.display())
}

/// The numbers on the page, without thousands separators.
fn page_numbers(tab: &mut Tab<'_>) -> Value {
    tab.value(
        "(() => { const plain = (text) => text.replaceAll(',', '');
        const fields = (of, names) => Object.fromEntries(names.map((name) => {
          return [name, plain(of.querySelector(`[data-field=\"${name}\"]`).textContent)]; }));
        return {
          families: [...document.querySelectorAll('#families [data-family]')].map((card) => ({
            family: card.dataset.family, ...fields(card, ['usable', 'used', 'free', 'outside', 'percentUsed']) })),
          rows: [...document.querySelectorAll('#rows tbody tr')].map((row) => fields(row,
            ['name', 'cidr', 'state', 'usable', 'used', 'free', 'percentUsed', 'unique', 'staticBand'])),
          free: [...document.querySelectorAll('#free tbody tr')].map((row) => plain(row.children[1].textContent)) }; })()",
    )
}

/// The same numbers, of `report -o json`.
fn report_numbers(report: &Value) -> Value {
    let percent = |of: &Value| {
        let count = |field: &str| of[field].as_str().unwrap().parse::<f64>().unwrap();
        match (of["percentUsed"].as_f64(), count("used") / count("usable")) {
            (None, _) => "-".to_owned(),
            (_, share) if share > 0.0 && share < 0.001 => "<0.1%".to_owned(),
            (_, share) if share > 0.999 && of["used"] != of["usable"] => ">99.9%".to_owned(),
            (Some(value), _) => format!("{value:.1}%"),
        }
    };
    let families = report["families"].as_array().unwrap().iter().filter(|family| family["configured"] == true);
    let families = families.map(|family| {
        json!({"family": family["family"], "usable": family["usable"], "used": family["used"], "free": family["free"],
            "outside": family["outsideServiceCIDRs"], "percentUsed": percent(family)})
    });
    let rows = report["serviceCIDRs"].as_array().unwrap().iter().map(|row| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let band = format!("{} of {}", text(&row["staticBand"]["used"]), text(&row["staticBand"]["size"]));
        let state = row.get("unusableReason").unwrap_or(&row["state"]);
        json!({"name": row["name"], "cidr": row["cidr"], "state": state, "usable": row["usable"], "used": row["used"],
            "free": row["free"], "percentUsed": percent(row), "unique": row["unique"], "staticBand": band})
    });
    let free = report["freeBlocks"].as_array().unwrap().iter().map(|blocks| match &blocks["largest"] {
        Value::Null => "-".to_owned(),
        run => format!(
            "{} ({}-{})",
            run["count"].as_str().unwrap(),
            run["first"].as_str().unwrap(),
            run["last"].as_str().unwrap()
        ),
    });
    json!({"families": families.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>(), "free": free.collect::<Vec<_>>()})
}

#[test]
fn page_numbers_match_report() {
    let folder = TempDir::new().unwrap();
    let mut browser = Browser::start();
    let mut inventories: Vec<PathBuf> =
        fs::read_dir(fixtures().join("inventories")).unwrap().map(|entry| entry.unwrap().path()).collect();
    inventories.sort();
    assert!(inventories.len() >= 7);
    for path in inventories {
        let url = write_page(&folder, &path);
        let policy = folder.path().join("policy.yaml");
        let arguments = ["report", "-f", path.to_str().unwrap(), "--policy", policy.to_str().unwrap(), "-o", "json"];
        let report: Value = serde_json::from_str(&run_program(&arguments)).unwrap();
        let mut tab = browser.open(&url, DESKTOP, "light");
        assert_eq!(page_numbers(&mut tab), report_numbers(&report), "{}", path.display());
        // Every CIDR is drawn at some zoom level.
        let all = report["serviceCIDRs"].as_array().unwrap().iter().map(|row| row["cidr"].as_str().unwrap().to_owned());
        let drawn = tab.value("page.spaces.flatMap((space) => space.blocks.map((block) => block.cidr))");
        all.for_each(|cidr| assert!(drawn.as_array().unwrap().contains(&json!(cidr)), "{cidr}"));
        let (console, urls) = tab.console_and_requests();
        assert_eq!((console, urls.len()), (Vec::<String>::new(), 1), "{urls:?}");
    }
}

#[test]
fn hostile_names_are_inert() {
    let names = [
        "</script><script>document.title='pwned'</script>",
        "\"><img src=x onerror=\"document.title='pwned'\">",
        "<style>*{display:none}</style>",
        "javascript:document.title='pwned'",
        "\u{202e}desrever\u{2066}",
        "${document.title='pwned'}",
        "@DATA@ @SCRIPT@ $& \\u003c",
    ];
    let ranges: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            json!({"kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": [format!("10.{place}.0.0/24")]}}).to_string()
        })
        .collect();
    let service = json!({"kind": "IPAddress", "metadata": {"name": "10.0.0.9"}, "spec": {"parentRef":
        {"resource": "services", "namespace": names[0], "name": names[1]}}});
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hostile.json");
    fs::write(&path, format!(r#"{{"kind":"List","items":[{},{service}]}}"#, ranges.join(","))).unwrap();
    let url = write_page(&folder, &path);
    let mut browser = Browser::start();
    let mut tab = browser.open(&url, DESKTOP, "light");
    let shown = tab.value(
        "[...document.querySelectorAll('#rows tbody [data-field=name]')].map((cell) => cell.textContent).sort()",
    );
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(shown, json!(expected));
    assert_ne!(tab.value("document.title"), "pwned");
    assert_eq!(
        tab.value("[document.scripts.length, document.images.length, document.querySelectorAll('style').length]"),
        json!([2, 0, 1])
    );
    // What injected code would try is blocked.
    tab.value("document.body.insertAdjacentHTML('beforeend', '<b onclick=\"document.title=`pwned`\" id=b>b</b>'); document.getElementById('b').click()");
    tab.value("fetch('http://127.0.0.1:9/x').catch(() => 0)");
    assert_ne!(tab.value("document.title"), "pwned");
    let (console, urls) = tab.console_and_requests();
    assert_eq!(urls, [url], "{urls:?}");
    assert!(console.iter().filter(|line| line.contains("Content Security Policy")).count() >= 2, "{console:?}");
}

#[test]
fn large_inventory_is_drawn() {
    let mut text = String::from(
        r#"{"kind":"List","items":[{"kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.0.0.0/8"]}}"#,
    );
    for number in 0..999_u32 {
        let cidr = format!("10.{}.{}.0/22", number / 64, number % 64 * 4);
        write!(
            text,
            r#",{{"kind":"ServiceCIDR","metadata":{{"name":"range-{number}"}},"spec":{{"cidrs":["{cidr}"]}}}}"#
        )
        .unwrap();
    }
    for number in 0..1_000_000_u32 {
        let address = std::net::Ipv4Addr::from(0x0a00_0001 + number);
        write!(text, r#",{{"kind":"IPAddress","metadata":{{"name":"{address}"}},"spec":{{"parentRef":{{"resource":"services","namespace":"n","name":"s"}}}}}}"#).unwrap();
    }
    text.push_str("]}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.json");
    fs::write(&path, text).unwrap();
    let url = write_page(&folder, &path);
    let length = fs::metadata(folder.path().join("page.html")).unwrap().len();
    assert!(length < 1_000_000, "{length} bytes");
    let mut browser = Browser::start();
    let mut tab = browser.open(&url, DESKTOP, "light");
    assert_eq!(tab.value("document.querySelectorAll('#rows tbody tr').length"), 1000);
    assert_eq!(tab.value("document.querySelector('[data-family=IPv4] [data-field=used]').textContent"), "1,000,000");
    let took = tab.value("(() => { const began = performance.now(); drawAll(); document.body.offsetHeight; return performance.now() - began; })()");
    println!("a page of 1,000 ranges and 1,000,000 addresses: {length} bytes, drawn in {took} ms");
}

#[test]
fn keyboard_and_screen_reader_work() {
    let folder = TempDir::new().unwrap();
    let url = write_page(&folder, &inventory("nodes.yaml"));
    let mut browser = Browser::start();
    let mut tab = browser.open(&url, DESKTOP, "light");
    let here = "document.activeElement.dataset.cidr || document.activeElement.textContent";
    // Tab order: the breadcrumb, the outermost block, the first ServiceCIDR.
    for expected in ["10.96.0.0/16", "10.96.0.0/16", "10.96.0.0/23"] {
        tab.press("Tab", 9, "");
        assert_eq!(tab.value(here), expected);
    }
    let label = "10.96.0.0/23: team-a. team-a: 510 usable, 1 used, 509 free; 256 in no other ServiceCIDR; static band 1 of 32 used. Enter zooms in";
    assert_eq!(tab.value("document.activeElement.getAttribute('aria-label')"), label);
    assert!(tab.value("document.querySelector('.description').textContent").as_str().unwrap().contains("509 free"));
    tab.press("Enter", 13, "\r");
    let crumbs = "[...document.querySelectorAll('[data-space=IPv4] nav button')].map((crumb) => crumb.textContent)";
    assert_eq!(tab.value(crumbs), json!(["10.96.0.0/16", "10.96.0.0/23"]));
    assert_eq!(tab.value(here), "10.96.0.0/23", "the focus stays where it was");
    tab.press("Enter", 13, "\r");
    assert_eq!(tab.value(crumbs), json!(["10.96.0.0/16"]), "and zooms out again");
    // Every control has a name, every table a header.
    let nameless = "[...document.querySelectorAll('button, input, [tabindex]')].filter((it) => !(it.getAttribute('aria-label') || it.textContent || (it.labels || []).length)).length";
    assert_eq!(tab.value(nameless), 0);
    assert_eq!(tab.value("[...document.querySelectorAll('table')].filter((it) => !it.tHead).length"), 0);
}

#[test]
fn wide_and_narrow_ipv6_ranges_are_visible() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("six.json");
    let range = |name: &str, cidr: &str| {
        json!({"kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": [cidr]}}).to_string()
    };
    let items = [range("kubernetes", "fd00:10:96::/112"), range("wide", "fd00:10:97::/64")].join(",");
    fs::write(&path, format!(r#"{{"kind":"List","items":[{items}]}}"#)).unwrap();
    let url = write_page(&folder, &path);
    let mut browser = Browser::start();
    for size in [PHONE, DESKTOP] {
        let mut tab = browser.open(&url, size, "light");
        for cidr in ["fd00:10:96::/112", "fd00:10:97::/64"] {
            let width = tab.value(&format!("document.querySelector('.map [data-cidr=\"{cidr}\"]').offsetWidth"));
            assert!(width.as_f64().unwrap() >= 40.0, "{cidr} is {width} wide");
        }
        assert!(tab.value("document.querySelector('#spaces').textContent").as_str().unwrap().contains("Not to scale"));
        assert_eq!(
            tab.value("document.documentElement.scrollWidth <= window.innerWidth"),
            true,
            "no horizontal overflow"
        );
    }
}

#[test]
fn served_page_previews_changes() {
    let server = Server::start_with(POLICY, &["--inventory", inventory("nodes.yaml").to_str().unwrap()]);
    let mut browser = Browser::start();
    let mut tab = browser.open(&format!("{}/", server.health), DESKTOP, "dark");
    let mut forecast = |cidr: &str| {
        tab.value(&format!("document.getElementById('preview').textContent = ''; document.getElementById('add').value = '{cidr}'; document.querySelector('form button').click()"));
        tab.until("document.querySelector('#preview .verdict')");
        let after =
            tab.value("[...document.querySelectorAll('#preview [data-field=after]')].map((cell) => cell.textContent)");
        (tab.value("document.getElementById('preview').innerText").as_str().unwrap().to_owned(), after)
    };
    let (text, after) = forecast("10.96.2.0/24");
    assert!(text.starts_with("Allowed by the policy\n"), "{text}");
    let path = inventory("nodes.yaml");
    let arguments = ["report", "-f", path.to_str().unwrap(), "--add", "x=10.96.2.0/24", "-o", "json"];
    let report: Value = serde_json::from_str(&run_program(&arguments)).unwrap();
    let counts = &report["after"]["families"][0];
    let text_of = |field: &str| counts[field].as_str().unwrap().to_owned();
    assert_eq!(
        after,
        json!([format!("{} usable, {} used, {} free", text_of("usable"), text_of("used"), text_of("free"))])
    );
    let (text, _) = forecast("10.244.0.0/24");
    assert!(text.starts_with("Denied by the policy\n"), "{text}");
    assert!(text.contains(&violations::outside(0, "10.244.0.0/24", &["10.96.0.0/16"]).to_string()), "{text}");
    let (text, _) = forecast("10.96.0.1/24");
    assert_eq!(text.trim(), "spec.cidrs[0]: `10.96.0.1/24` has host bits set: use 10.96.0.0/24");
    // The page refreshes from the server.
    tab.value("refresh()");
    tab.until("document.getElementById('age').textContent.startsWith('As of')");
    let (console, urls) = tab.console_and_requests();
    assert!(urls.iter().all(|url| url.starts_with(&server.health)), "{urls:?}");
    let refused: Vec<&String> = console
        .iter()
        .filter(|line| !line.contains("400") && !line.contains("favicon") && !line.contains("404"))
        .collect();
    assert_eq!(refused, Vec::<&String>::new(), "{console:?}");
}

#[test]
fn page_is_drawn_on_every_screen_and_colour_scheme() {
    let folder = TempDir::new().unwrap();
    let url = write_page(&folder, &inventory("page.yaml"));
    let mut browser = Browser::start();
    let screenshots = std::env::var_os("SERVICECIDR_GUARD_SCREENSHOTS").map(PathBuf::from);
    let mut pictures = Vec::new();
    for (device, size, height) in [("desktop", DESKTOP, Some(860)), ("phone", PHONE, Some(1400))] {
        for scheme in ["light", "dark"] {
            let mut tab = browser.open(&url, size, scheme);
            assert_eq!(tab.value("document.documentElement.scrollWidth <= window.innerWidth"), true, "{device}");
            let screenshot = tab.screenshot(height);
            if let Some(folder) = &screenshots {
                let decoded = std::process::Command::new("sh")
                    .args([
                        "-c",
                        &format!("base64 -d > {}", folder.join(format!("page-{device}-{scheme}.png")).display()),
                    ])
                    .stdin(std::process::Stdio::piped())
                    .spawn();
                let mut decoded = decoded.unwrap();
                std::io::Write::write_all(&mut decoded.stdin.take().unwrap(), screenshot.as_bytes()).unwrap();
                assert!(decoded.wait().unwrap().success());
            }
            pictures.push(screenshot);
        }
    }
    pictures.sort();
    pictures.dedup();
    assert_eq!(pictures.len(), 4, "two screenshots are equal");
    assert!(pictures.iter().all(|screenshot| screenshot.len() > 20_000));
}
