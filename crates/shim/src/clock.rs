//! The time, for containerd.

use std::time::{SystemTime, UNIX_EPOCH};

use containerd_shim_protos::protobuf::well_known_types::timestamp::Timestamp;

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut now = Timestamp::new();
    now.seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    now.nanos = i32::try_from(since.subsec_nanos()).unwrap_or(0);
    now
}
