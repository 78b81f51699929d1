//! Tests of the policy, by subject.
