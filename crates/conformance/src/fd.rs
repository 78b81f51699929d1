//! placeholder
use crate::behaviour::behaviours;
behaviours! { "fd": }
