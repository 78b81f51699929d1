//! placeholder
use crate::behaviour::behaviours;
behaviours! { "policy": }
