//! Everything a person can write to say what is allowed: flags, names, paths, questions and policy files. No text
//! may panic, and what was accepted means the same when it is read again.
#![no_main]

use guestnet_core::policy::{Name, Policy, PolicyBuilder, Question, Use, explain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(name) = Name::from_bytes(data) {
        assert_eq!(
            Name::parse(name.as_str()).as_ref(),
            Ok(&name),
            "a name changes when it is read again"
        );
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = Policy::from_toml(text, "policy.toml") {
        assert!(!error.message().is_empty());
        assert!(error.line() >= 1 && error.column() >= 1, "{error}");
    }
    for usage in Use::ALL {
        let mut builder = PolicyBuilder::new();
        // The first line is a rule, the rest the question.
        let (rule, question) = text.split_once('\n').unwrap_or((text, text));
        let accepted = builder.allow(usage, rule).is_ok();
        let _ = builder.deny(usage, rule);
        let policy = builder.build();
        assert!(!accepted || !policy.rules().is_empty());
        if let Ok(question) = Question::parse(usage, question) {
            let explanation = explain(&policy, &question);
            let first = explanation.text.split(' ').next().unwrap_or_default();
            assert_eq!(first == "allowed", explanation.allowed, "{explanation}");
            assert!(first == "allowed" || first == "denied", "{explanation}");
        }
    }
});
