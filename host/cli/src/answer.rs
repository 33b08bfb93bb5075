//! What plugins answered, and which of the secrets of a run each answer is.

use std::collections::BTreeMap;
use std::time::Duration;

use ptrun_host::{Answers, SecretBytes, SecretError, SelectError};

use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};

/// What a plugin answered, and how long it took.
pub(crate) type Timed = (Answers, Duration);

/// What became of one secret that was wanted.
pub(crate) struct Answer {
    pub(crate) secret: Option<SecretBytes>,
    /// Whether something went wrong; a secret that need not be there is none otherwise.
    pub(crate) failed: bool,
    /// How long its plugin took, for all that it was asked for.
    pub(crate) took: Duration,
}

/// What became of each secret, in their order, and everything that went wrong.
pub(crate) struct Answered {
    pub(crate) answers: Vec<Answer>,
    pub(crate) failures: Vec<Failure>,
}

impl Answered {
    /// What plugins answered, each under the scheme of its references, for all that was wanted of them.
    pub(crate) fn of(wanted: &[Wanted], mut answers: BTreeMap<String, Timed>) -> Self {
        let nothing = || Answer { secret: None, failed: true, took: Duration::ZERO };
        let mut answered = Self { answers: wanted.iter().map(|_| nothing()).collect(), failures: Vec::new() };
        let mut asked: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, wanted) in wanted.iter().enumerate() {
            asked.entry(wanted.reference.scheme()).or_default().push(index);
        }
        for (scheme, indices) in asked {
            match answers.remove(scheme) {
                Some((answers, took)) => answered.collect(&indices, answers, took, wanted),
                None => answered.failures.push(Plugins::unknown(scheme)),
            }
        }
        answered
    }

    /// All of them, or none.
    pub(crate) fn all(self) -> Result<Vec<Option<SecretBytes>>, Failures> {
        match self.failures.is_empty() {
            true => Ok(self.answers.into_iter().map(|answer| answer.secret).collect()),
            false => Err(Failures::new(self.failures)),
        }
    }

    /// Puts one plugin's answers where they belong.
    fn collect(&mut self, indices: &[usize], answers: Answers, took: Duration, wanted: &[Wanted]) {
        for &index in indices {
            self.answers[index].took = took;
        }
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return self.failures.push(error.into()),
        };
        for (&index, answer) in indices.iter().zip(answers) {
            let (secret, failed) = match answer {
                Ok(secret) => (Some(secret), false),
                Err(error) if !wanted[index].required && is_missing(&error) => (None, false),
                Err(error) => {
                    self.failures.push(wanted[index].failed(error.into()));
                    (None, true)
                }
            };
            self.answers[index] = Answer { secret, failed, took };
        }
    }
}

/// Whether there is no such secret, or no such part of it.
const fn is_missing(error: &SecretError) -> bool {
    matches!(error, SecretError::NotFound | SecretError::Select(SelectError::Missing(_)))
}

impl Wanted {
    fn failed(&self, failure: Failure) -> Failure {
        let Self { name, reference, place, .. } = self;
        let failure = name.iter().fold(failure, |failure, name| failure.fact("secret", name));
        let failure = failure.fact("reference", reference);
        place.iter().fold(failure, |failure, place| failure.fact("at", place))
    }
}
