//! Secrets from environment variables: `env://NAME` is the value of `NAME` where `ptrun` was started.
//!
//! The host shows this plugin the variables that the run's references name, and no other.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

/// The source has no settings and no state.
#[derive(Debug)]
pub struct Env;

impl SecretSource for Env {
    fn configure(config: Config) -> Result<Self, Error> {
        config.finish()?;
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        reference.no_options()?;
        if reference.key.contains('=') {
            return Err(Error::invalid_ref("the name of a variable has no `=`"));
        }
        ptrun_plugin::env::var(&reference.key).map(Secret::new).ok_or_else(Error::not_found)
    }
}

ptrun_plugin::export!(Env, manifest = "../plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn get(reference: &SecretRef) -> Result<Secret, Error> {
        Env::configure(Config::new([]))?.get(reference)
    }

    #[test]
    fn reads_a_variable() {
        // Cargo sets this one for every test.
        let secret = get(&SecretRef::new("CARGO_PKG_NAME")).expect("cargo sets it");
        assert_eq!(secret.value, b"ptrun-plugin-env");
    }

    #[test]
    fn an_unset_variable_is_not_found() {
        assert!(matches!(get(&SecretRef::new("PTRUN_NO_SUCH_VARIABLE")), Err(Error::NotFound)));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let option = SecretRef::new("HOME").option("version", "1");
        assert!(matches!(get(&option), Err(Error::InvalidRef(_))));
        assert!(matches!(get(&SecretRef::new("A=B")), Err(Error::InvalidRef(_))));
        let setting = Config::new([("region".into(), "x".into())]);
        assert!(matches!(Env::configure(setting), Err(Error::InvalidConfig(_))));
    }
}
