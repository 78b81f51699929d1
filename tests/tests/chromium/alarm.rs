//! What wakes a program when a timer of its own expires.

use crate::{Case, Test};
use serde_json::json;

pub(crate) const TESTS: &[Test] = &[("an_alarm_rings_once_at_the_earliest_time", earliest)];

fn earliest(case: &Case) {
    // Had a time that is not the earliest of its round rung as well, there would be more than three, since the last round is longer.
    let rounds = [vec![200, 30, 150], vec![60, 90], vec![300, 250]];
    let rung = case.run("alarm", &json!({ "rounds": rounds }));
    let rung: Vec<f64> = serde_json::from_value(rung).expect("times");
    assert_eq!(rung.len(), rounds.len(), "{rung:?}");
    for (time, round) in rung.iter().zip(&rounds) {
        let due = round.iter().min().copied().map_or(0.0, f64::from);
        // A clock of the browser's is exact to some microseconds.
        assert!(*time > due - 0.5, "{rung:?}");
    }
}
