//! placeholder
use crate::behaviour::behaviours;
behaviours! { "resolve": }
