//! Pseudo-random texts, lists and policies, from a seed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use servicecidr_guard::net::Cidr;

/// splitmix64.
pub struct Rng(u64);

impl Rng {
    /// Starts with the seed of a test, or with that of the environment.
    pub fn seeded(seed: u64) -> Self {
        let set = std::env::var("SERVICECIDR_GUARD_ORACLE_SEED").ok();
        let seed = set.map_or(seed, |text| text.parse().expect("SERVICECIDR_GUARD_ORACLE_SEED is not a number"));
        println!("seed {seed}");
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn byte(&mut self) -> u8 {
        self.bits().to_le_bytes()[0]
    }
}

/// A text that resembles a CIDR.
pub fn text(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => canonical(rng),
        1 => format!("{}/{}", v4(rng), rng.below(33)),
        2 => format!("{}/{}", v6_spelled(rng), rng.below(129)),
        3 | 4 => spelled(rng),
        5 => mapped(rng),
        6 => invalid_length(rng),
        7 | 8 => (0..=rng.below(2)).fold(canonical(rng), |text, _| mutated(rng, &text)),
        9 => (0..=rng.below(4)).fold(text(rng), |text, _| mutated(rng, &text)),
        10 => (0..rng.below(24)).map(|_| character(rng)).collect(),
        _ => extreme(rng),
    }
}

/// A canonical CIDR.
pub fn canonical(rng: &mut Rng) -> String {
    if rng.one_in(2) {
        let length = rng.below(33);
        let mask = u32::MAX.checked_shl(u32::try_from(32 - length).unwrap()).unwrap_or(0);
        format!("{}/{length}", Ipv4Addr::from_bits(v4(rng).to_bits() & mask))
    } else {
        let length = rng.below(129);
        let mask = u128::MAX.checked_shl(u32::try_from(128 - length).unwrap()).unwrap_or(0);
        format!("{}/{length}", Ipv6Addr::from_bits(v6(rng).to_bits() & mask))
    }
}

fn v4(rng: &mut Rng) -> Ipv4Addr {
    let mut octet = || match rng.below(6) {
        0 | 1 => 0,
        2 => 10,
        3 => 255,
        _ => rng.byte(),
    };
    Ipv4Addr::from([octet(), octet(), octet(), octet()])
}

fn v6(rng: &mut Rng) -> Ipv6Addr {
    let mut group = || match rng.below(8) {
        0..=3 => 0,
        4 => u16::from(rng.byte() >> 4),
        5 => 0xffff,
        6 => 0xfd00,
        _ => u16::from_le_bytes([rng.byte(), rng.byte()]),
    };
    Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(|_| group()))
}

/// An IPv6 address in a notation that some parser accepts.
fn v6_spelled(rng: &mut Rng) -> String {
    let address = v6(rng);
    spell(rng, address.segments())
}

fn spell(rng: &mut Rng, groups: [u16; 8]) -> String {
    let dotted = rng.one_in(6);
    let count = if dotted { 6 } else { 8 };
    let mut parts: Vec<String> = groups[..count].iter().map(|group| hexadecimal(rng, *group)).collect();
    if dotted {
        let [a, b] = groups[6].to_be_bytes();
        let [c, d] = groups[7].to_be_bytes();
        parts.push(format!("{a}.{b}.{c}.{d}"));
    }
    let zeros = |from: &usize| groups[*from] == 0;
    let starts: Vec<usize> = (0..count).filter(zeros).collect();
    if starts.is_empty() || rng.one_in(4) {
        return parts.join(":");
    }
    let start = *rng.pick(&starts);
    let run = (start..count).take_while(zeros).count();
    let end = start + 1 + rng.below(run);
    format!("{}::{}", parts[..start].join(":"), parts[end..].join(":"))
}

fn hexadecimal(rng: &mut Rng, group: u16) -> String {
    match rng.below(8) {
        0 => format!("{group:X}"),
        1 => format!("{group:04x}"),
        2 => format!("{group:02X}"),
        3 if rng.one_in(8) => format!("{group:05x}"),
        _ => format!("{group:x}"),
    }
}

/// An address and a length, sometimes with leading zeros.
fn spelled(rng: &mut Rng) -> String {
    let zeros = |rng: &mut Rng| match rng.below(6) {
        0 => "0",
        1 => "00",
        2 if rng.one_in(8) => "000000000000",
        _ => "",
    };
    let (address, width) = if rng.one_in(2) {
        let octets = v4(rng).octets().map(|octet| format!("{}{octet}", zeros(rng)));
        (octets.join("."), 33)
    } else {
        (v6_spelled(rng), 129)
    };
    let before = zeros(rng);
    format!("{address}/{before}{}", rng.below(width))
}

/// IPv4-mapped IPv6 notation, or similar.
fn mapped(rng: &mut Rng) -> String {
    let [a, b, c, d] = v4(rng).octets();
    let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    let address = match rng.below(6) {
        0 => format!("::ffff:{a}.{b}.{c}.{d}"),
        1 => format!("::FFFF:{a}.{b}.{c}.{d}"),
        2 => format!("::{a}.{b}.{c}.{d}"),
        3 => format!("64:ff9b::{a}.{b}.{c}.0{d}"),
        4 => format!("0:0:0:0:0:ffff:{high:x}:{low:x}"),
        _ => spell(rng, [0, 0, 0, 0, 0, 0xffff, high, low]),
    };
    format!("{address}/{}", rng.below(129))
}

fn invalid_length(rng: &mut Rng) -> String {
    let lengths = [
        "",
        "-1",
        "+8",
        " 8",
        "8 ",
        "33",
        "129",
        "032",
        "033",
        "0129",
        "00",
        "000",
        "08",
        "0x8",
        "8/8",
        "1e1",
        "99",
        "099",
        "255",
        "256",
        "300",
        "0300",
        "65536",
        "4294967304",
        "18446744073709551624",
        "8%eth0",
        "24\n",
        "٨",
        "a",
        "0a",
        "24.0",
        "16777215",
        "0016777216",
    ];
    let text = canonical(rng);
    let address = text.split('/').next().unwrap();
    let zone = if rng.one_in(8) { *rng.pick(&["%", "%eth0", "%25eth0", "%1/2"]) } else { "" };
    let slash = if rng.one_in(16) { *rng.pick(&["", "//", "\\", "／"]) } else { "/" };
    format!("{address}{zone}{slash}{}", rng.pick(&lengths))
}

/// Very long, nested or empty texts.
fn extreme(rng: &mut Rng) -> String {
    let many = rng.below(200);
    match rng.below(8) {
        0 => format!("{}10.0.0.0/8", "0".repeat(many)),
        1 => format!("10.0.0.0/{}8", "0".repeat(many)),
        2 => format!("10.0.0.{}/24", "1".repeat(many)),
        3 => format!("{}/64", vec!["0"; rng.below(12)].join(":")),
        4 => format!("{}::{}/64", vec!["1"; rng.below(9)].join(":"), vec!["0"; rng.below(9)].join(":")),
        5 => format!("fd00::{}1/128", "0".repeat(rng.below(9))),
        6 => format!("{}/{}", vec!["10"; rng.below(7)].join("."), rng.below(40)),
        _ => format!("[{}]", canonical(rng)).repeat(rng.below(3)),
    }
}

/// Inserts, removes or replaces one character.
fn mutated(rng: &mut Rng, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = rng.below(characters.len() + 1);
    match rng.below(3) {
        0 => characters.insert(place, character(rng)),
        1 if place < characters.len() => _ = characters.remove(place),
        _ if place < characters.len() => characters[place] = character(rng),
        _ => {}
    }
    characters.into_iter().collect()
}

fn character(rng: &mut Rng) -> char {
    const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
    const LETTERS: [char; 12] = ['a', 'b', 'c', 'd', 'e', 'f', 'A', 'B', 'C', 'D', 'E', 'F'];
    const SEPARATORS: [char; 4] = [':', '.', '/', '0'];
    const OTHERS: [char; 16] =
        ['%', ' ', '+', '-', 'x', 'X', '\n', '\t', 'é', '١', '²', '０', '：', '.', '\u{200b}', '😀'];
    match rng.below(6) {
        0..=1 => *rng.pick(&DIGITS),
        2 => *rng.pick(&LETTERS),
        3..=4 => *rng.pick(&SEPARATORS),
        _ => *rng.pick(&OTHERS),
    }
}

/// A CIDR from a small set, so that two often overlap. Some have host bits.
pub fn range(rng: &mut Rng) -> String {
    if rng.below(5) < 3 {
        let address = *rng.pick(&["10.96.0.0", "10.96.64.0", "10.96.128.0", "10.97.0.0", "172.20.0.0", "0.0.0.0"]);
        let length = *rng.pick(&[0, 8, 12, 15, 16, 17, 18, 20, 24, 32]);
        masked_mostly(rng, address, length)
    } else {
        let address = *rng.pick(&["2001:db8::", "2001:db8:0:0:8000::", "2001:db8:0:1::", "fd00:10:96::", "::"]);
        let length = *rng.pick(&[0, 32, 48, 63, 64, 65, 80, 112, 128]);
        masked_mostly(rng, address, length)
    }
}

fn masked_mostly(rng: &mut Rng, address: &str, length: u8) -> String {
    let written = format!("{address}/{length}");
    match Cidr::parse_lenient(&written) {
        Ok(masked) if !rng.one_in(8) => masked.to_string(),
        _ => written,
    }
}

/// `spec.cidrs`, mostly valid, and often within one of these ranges.
pub fn cidrs(rng: &mut Rng, near: &[String]) -> Vec<String> {
    let entry = |rng: &mut Rng| match near {
        [_, ..] if rng.one_in(2) => within(rng, near),
        _ => cidr(rng),
    };
    match rng.below(16) {
        0 => Vec::new(),
        1..=7 => vec![entry(rng)],
        8 => vec![entry(rng), entry(rng), entry(rng)],
        9 => vec![entry(rng), entry(rng)],
        _ => {
            let first = entry(rng);
            let is_other = |second: &String| second.contains(':') != first.contains(':');
            let second = (0..8).map(|_| entry(rng)).find(is_other).unwrap_or_else(|| range(rng));
            vec![first, second]
        }
    }
}

/// A CIDR within one of these ranges.
fn within(rng: &mut Rng, ranges: &[String]) -> String {
    let range = Cidr::parse_lenient(rng.pick::<String>(ranges)).unwrap();
    let (first, least) = (range.first(), usize::from(range.prefix_len()));
    let written = match first {
        IpAddr::V4(first) => {
            let free = u32::MAX.checked_shr(u32::from(range.prefix_len())).unwrap_or(0);
            let address = Ipv4Addr::from_bits(first.to_bits() | (v4(rng).to_bits() & free));
            format!("{address}/{}", least + rng.below(33 - least))
        }
        IpAddr::V6(first) => {
            let free = u128::MAX.checked_shr(u32::from(range.prefix_len())).unwrap_or(0);
            let address = Ipv6Addr::from_bits(first.to_bits() | (v6(rng).to_bits() & free));
            format!("{address}/{}", least + rng.below(129 - least))
        }
    };
    // Within ::/0 it can be IPv4-mapped.
    Cidr::parse_lenient(&written).map_or(written, |cidr| cidr.to_string())
}

pub fn cidr(rng: &mut Rng) -> String {
    match rng.below(24) {
        0 => text(rng),
        1 => canonical(rng),
        2 => mapped(rng),
        3 => spelled(rng),
        _ => range(rng),
    }
}

/// One to three allowed ranges.
pub fn ranges(rng: &mut Rng) -> Vec<String> {
    (0..=rng.below(3)).map(|_| range(rng)).collect()
}
