//! Asks a server once for everything that a run wants: a key is `ORIGIN/NAME`, the request has a name in each line,
//! and the answer a value. The benchmark has such servers.

use ptrun_plugin::http::send;
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(config: Config) -> Result<Self, Error> {
        config.finish()?;
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let mut secrets = self.get_many(std::slice::from_ref(reference))?;
        secrets.pop().unwrap_or_else(|| Err(Error::internal("there is no answer")))
    }

    fn get_many(&mut self, references: &[SecretRef]) -> Result<Vec<Result<Secret, Error>>, Error> {
        let (mut server, mut names) = (None, Vec::new());
        for SecretRef { key, .. } in references {
            let (origin, name) =
                key.rsplit_once('/').ok_or_else(|| Error::invalid_ref("a key is ORIGIN/NAME"))?;
            if *server.get_or_insert(origin) != origin {
                return Err(Error::invalid_ref("there is one server in a run"));
            }
            names.push(name);
        }
        let Some(server) = server else { return Ok(Vec::new()) };
        let answer = send("POST", &format!("{server}/"), &[], names.join("\n").as_bytes())
            .map_err(|why| Error::unavailable(format!("{why:?}")))?;
        let text = String::from_utf8(answer.body).map_err(|_| Error::unavailable("the answer is no text"))?;
        let values: Vec<&str> = text.lines().collect();
        if answer.status != 200 || values.len() != names.len() {
            return Err(Error::unavailable("the server did not answer with a value for each name"));
        }
        Ok(values.into_iter().map(|value| Ok(Secret::new(value))).collect())
    }
}

ptrun_plugin::export!(Guest, manifest = "backend.toml");
