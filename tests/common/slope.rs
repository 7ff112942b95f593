//! The growth of a series, by least squares.

/// The growth of `(time, value)` per unit of time; `None` for too few samples.
pub fn slope(samples: &[(f64, f64)]) -> Option<f64> {
    let count = samples.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (time, value) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let spread: f64 = samples.iter().map(|sample| (sample.0 - time).powi(2)).sum();
    let growth: f64 = samples.iter().map(|sample| (sample.0 - time) * (sample.1 - value)).sum();
    (samples.len() > 2 && spread > 0.0).then(|| growth / spread)
}

#[cfg(test)]
#[allow(unused_imports, reason = "`make soak` has no test harness; `make test` runs these")]
mod tests {
    use super::slope;

    #[test]
    fn slope_is_the_least_squares_fit() {
        assert_eq!(slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0), (4.0, 13.0)]), Some(2.0));
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 1.0)]), Some(0.0));
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0)]), None);
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 3.0), (1.0, 5.0)]), None);
    }
}
