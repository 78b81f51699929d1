//! placeholder
use crate::behaviour::behaviours;
behaviours! { "option": }
