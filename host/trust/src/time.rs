//! Moments in manifests and trust stores.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::Deserialize;

/// A moment: `2027-01-31T12:00:00Z`, an offset date-time of TOML (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "toml::value::Datetime")]
pub struct Moment(jiff::Timestamp);

/// Why some text is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written as `2027-01-31T12:00:00Z`, with its offset from UTC")]
pub struct MomentError;

impl Moment {
    /// Now, by the system's clock.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::try_from(SystemTime::now()).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        text.parse().map(Self).map_err(|_| MomentError)
    }
}

impl TryFrom<toml::value::Datetime> for Moment {
    type Error = MomentError;

    fn try_from(datetime: toml::value::Datetime) -> Result<Self, MomentError> {
        datetime.to_string().parse()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_as_it_is_read() {
        let moment: Moment = "2027-01-31T12:00:00Z".parse().expect("a moment");
        assert_eq!(moment.to_string(), "2027-01-31T12:00:00Z");
        assert_eq!("2027-01-31T14:00:00+02:00".parse(), Ok(moment));
        assert!(Moment::now() > "2025-01-01T00:00:00Z".parse().expect("a moment"));
        for bad in ["", "2027-01-31", "2027-01-31T12:00:00", "12:00:00", "2027-02-31T12:00:00Z"] {
            assert_eq!(bad.parse::<Moment>(), Err(MomentError), "{bad:?}");
        }
    }
}
