//! `grouped`: a count for people.

/// A count with thousands separators, for people: programs get plain digits.
///
/// ```
/// use servicecidr_guard::text::grouped;
///
/// assert_eq!(grouped(999), "999");
/// assert_eq!(grouped(65_534), "65,534");
/// assert_eq!(grouped(u128::from(u64::MAX)), "18,446,744,073,709,551,615");
/// ```
#[must_use]
pub fn grouped(count: u128) -> String {
    let digits = count.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups).collect::<Vec<_>>().join(",")
}
