//! `guestnet policy explain`.

use guestnet::core::policy::explain as decide;
use guestnet::core::visible;

use crate::args::ExplainArgs;
use crate::failure::{FAILED, Failure};
use crate::say;

/// Prints the decision; the exit code is 0 for allowed and 1 for denied.
pub(crate) fn explain(args: ExplainArgs) -> Result<i32, Failure> {
    let policy = args.policy.build()?;
    let explanation = decide(&policy, &args.question);
    say::print(format_args!("{}\n", visible(&explanation.to_string())));
    Ok(if explanation.allowed { 0 } else { FAILED })
}
