//! placeholder
use crate::behaviour::behaviours;
behaviours! { "unix": }
