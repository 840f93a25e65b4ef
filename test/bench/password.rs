//! One password check with the backend's hash.

use std::hint::black_box;
use std::time::Instant;

use switchboard::crypto::{hash, password};

use crate::table::{Table, median};

pub fn measure(table: &mut Table) {
    let stored = hash::backend("0123456789abcdef0123456789abcdef", "dummy_password");
    let times = (0..1000).map(|_| {
        let begun = Instant::now();
        black_box(password::matches(black_box(&stored), "0123456789abcdef0123456789abcdef", "dummy_password"));
        begun.elapsed().as_secs_f64() * 1e6
    });
    let time = median(times.collect());
    table.add("password check, backend's hash", format!("{time:.1} us"), "below 1 ms", time < 1000.0);
}
