//! [`Options::from_module`]: the options of a program that was compiled to JavaScript, with the files that they name. Not here:
//! what the options are called and what values they take ([`ModuleOptions`]).

use guestnet_emscripten::{Environment, ModuleOptions, OptionValue, TraceOption};
use guestnet_host_os::{ReportTo, TraceTo, Upstream};

use crate::error::Error;
use crate::hosts::HostsFile;
use crate::options::{Options, add_policy_file};
use crate::reporting::Reporting;

impl Options {
    /// Options from the own properties of `Module.guestnet` and from the environment, as [`ModuleOptions::read`] reads them.
    ///
    /// # Errors
    /// [`Error::Module`], and that of a file which cannot be read or written, or of a policy file with a mistake.
    pub fn from_module(module: Vec<(String, OptionValue)>, environment: Environment) -> Result<Self, Error> {
        let mut read = ModuleOptions::<Upstream>::read(module, environment).map_err(Error::Module)?;
        for name in &read.files {
            add_policy_file(&mut read.policy, name.as_ref())?;
        }
        let hosts = match &read.hosts {
            None => HostsFile::system(),
            Some(path) => HostsFile::read(path)?,
        };
        let policy = read.build_policy();
        let reporting = Reporting {
            trace: read.trace.map(|trace| match trace {
                TraceOption::Console => TraceTo::Stderr,
                TraceOption::File(path) => TraceTo::File(path.into()),
            }),
            audit: read.audit.map(|path| ReportTo::File(path.into())),
            advice: read.advice,
            stderr: guestnet_host_os::stderr,
        };
        // Last: an error above makes no file.
        let reporter = reporting.open(&policy)?;
        let mut options = Options::new();
        options
            .policy(policy)
            .observer(reporter)
            .hosts(hosts)
            .dns(read.dns.unwrap_or_default());
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_with_where_it_is() {
        let wrong = |key: &str, value: &str| {
            let module = vec![(key.to_owned(), OptionValue::String(value.to_owned()))];
            Options::from_module(module, Environment::default())
                .unwrap_err()
                .to_string()
        };
        assert!(wrong("policy", "/no/such").starts_with("cannot read the policy file /no/such: "));
        assert!(wrong("hosts", "/no/such").starts_with("cannot read the hosts file /no/such: "));
        assert!(wrong("dns", "nowhere").starts_with("Module.guestnet.dns \"nowhere\": "));
    }
}
