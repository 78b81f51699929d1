//! placeholder
use crate::behaviour::behaviours;
behaviours! { "readiness": }
