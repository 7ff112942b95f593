//! `Table`: cases measured in turns, A B C A B C, and printed with the ratio to the first.

use rustix::time::{ClockId, clock_gettime};

/// The number of turns of each case.
pub const ROUNDS: usize = 7;

/// Nanoseconds of every case, one sample per round. The first case is servicecidr-guard.
pub struct Table {
    labels: Vec<String>,
    samples: Vec<Vec<f64>>,
}

/// A case: its label, and a function that measures one turn in nanoseconds.
pub type Case<'a> = (&'a str, Box<dyn FnMut() -> f64 + 'a>);

/// CPU time of this thread in nanoseconds, which excludes other load on the machine.
pub fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// CPU time of a call.
pub fn once<T>(call: impl FnOnce() -> T) -> f64 {
    let start = cpu();
    std::hint::black_box(call());
    cpu() - start
}

/// A turn that repeats a call for about 20 ms, and returns the time of one call.
pub fn turn<'a, T>(mut call: impl FnMut() -> T + 'a) -> Box<dyn FnMut() -> f64 + 'a> {
    let mut calls = 0_u32;
    Box::new(move || {
        while calls == 0 || calls > 1_000_000_000 {
            calls = (20e6 / once(&mut call).max(20.0)).clamp(1.0, 1e6) as u32;
        }
        let start = cpu();
        for _ in 0..calls {
            std::hint::black_box(call());
        }
        (cpu() - start) / f64::from(calls)
    })
}

impl Table {
    pub fn new(labels: &[&str]) -> Self {
        Self { labels: labels.iter().map(ToString::to_string).collect(), samples: vec![Vec::new(); labels.len()] }
    }

    /// Adds a round: one sample of every case.
    pub fn push(&mut self, round: &[f64]) {
        assert_eq!(round.len(), self.samples.len());
        for (samples, sample) in self.samples.iter_mut().zip(round) {
            samples.push(*sample);
        }
    }

    /// Measures cases in turns, after one warm-up round, and prints the table.
    pub fn measure(title: &str, mut cases: Vec<Case<'_>>) -> Self {
        let labels: Vec<&str> = cases.iter().map(|(label, _)| *label).collect();
        let mut table = Self::new(&labels);
        for round in 0..=ROUNDS {
            let samples: Vec<f64> = cases.iter_mut().map(|(_, turn)| turn()).collect();
            if round > 0 {
                table.push(&samples);
            }
        }
        table.print(title);
        table
    }

    pub fn median(&self, case: usize) -> f64 {
        median(self.samples[case].clone())
    }

    /// The median over the rounds of the ratio of two cases.
    pub fn ratio(&self, case: usize, to: usize) -> f64 {
        median(self.samples[case].iter().zip(&self.samples[to]).map(|(a, b)| a / b).collect())
    }

    pub fn print(&self, title: &str) {
        self.print_of(title, "CPU time");
    }

    /// Prints the table with the name of the measured value.
    pub fn print_of(&self, title: &str, what: &str) {
        println!("\n{title}");
        println!("  {what:<52} {:>10}   {:<23} {:>14}", "median", "least - most", "first / this");
        for (case, label) in self.labels.iter().enumerate() {
            let least = self.samples[case].iter().copied().fold(f64::INFINITY, f64::min);
            let most = self.samples[case].iter().copied().fold(0.0, f64::max);
            let spread = format!("{} - {}", time(least), time(most));
            println!("  {label:<52} {:>10}   {spread:<23} {:>14}", time(self.median(case)), ratio(self.ratio(0, case)));
        }
    }
}

/// Prints whether a value is within its limit. A missed goal is no failure.
pub fn goal(name: &str, value: f64, limit: f64, unit: &str) {
    let verdict = if value <= limit { "met" } else { "MISSED" };
    println!("  {name}: {}{unit}, goal {}{unit}: {verdict}", short(value), short(limit));
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    format!("{} {unit}", short(value))
}

fn ratio(value: f64) -> String {
    if value >= 0.001 { format!("{}x", short(value)) } else { format!("1/{:.0}", 1.0 / value) }
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        v if v > 0.0 => format!("{value:.4}"),
        _ => "0".to_owned(),
    }
}
