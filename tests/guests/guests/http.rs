//! Sends whatever request it is told to, and answers with what came back: the key is the target, and the options
//! are `method`, `headers` and `body`.

use ptrun_plugin::http::{HttpError, send};
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let option = |name: &str| {
            let found = reference.options.iter().find(|(option, _)| option == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let method = if option("method").is_empty() { "GET" } else { option("method") };
        let headers: Vec<(&str, &str)> =
            option("headers").split('|').filter_map(|header| header.split_once(": ")).collect();
        match send(method, &reference.key, &headers, option("body").as_bytes()) {
            Ok(response) => {
                let body = String::from_utf8_lossy(&response.body).into_owned();
                Ok(Secret::new(format!("{} {body}", response.status)))
            }
            Err(HttpError::Denied) => Err(Error::Denied("denied".to_owned())),
            Err(HttpError::Invalid) => Err(Error::InvalidRef("invalid".to_owned())),
            Err(why) => Err(Error::Unavailable(format!("{why:?}"))),
        }
    }
}

ptrun_plugin::export!(Guest, manifest = "http.toml");
