//! Fetching what an address leads to: redirects are followed hop by hop, and each hop is looked at like the first.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode, Url};

use super::{Outbound, Refused, causes, refusal};

const MOST_HOPS: usize = 5;

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address, or one that it led to, must not be asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It led from one to the next.
    #[error("more than {MOST_HOPS} redirects")]
    TooManyHops,
    /// It led nowhere.
    #[error("a redirect leads nowhere")]
    LeadsNowhere,
    /// The server does not have it, or does not give it.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// The server could not be reached, or broke off.
    #[error("{0}")]
    Broken(String),
}

impl FetchError {
    /// Whether another attempt may go better.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(_) | Self::TooManyHops | Self::LeadsNowhere => false,
            Self::Status(status) => {
                status.is_server_error()
                    || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(status)
            }
            Self::Broken(_) => true,
        }
    }
}

impl From<&reqwest::Error> for FetchError {
    fn from(error: &reqwest::Error) -> Self {
        match refusal(error) {
            Some(refused) => Self::Refused(refused.clone()),
            None => Self::Broken(causes(error)),
        }
    }
}

impl Outbound {
    /// The answer at the end of the redirects; its body is still to be read, in no more than this time in all.
    pub async fn fetch(&self, url: &Url, patience: Duration) -> Result<Response, FetchError> {
        let mut url = url.clone();
        for _ in 0..=MOST_HOPS {
            let request = self.request(Method::GET, &url)?.timeout(patience);
            let response = request.send().await.map_err(|error| FetchError::from(&error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if !is_redirect(status) {
                return Err(FetchError::Status(status));
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            url = to
                .and_then(|to| url.join(to).ok())
                .ok_or(FetchError::LeadsNowhere)?;
        }
        Err(FetchError::TooManyHops)
    }
}

fn is_redirect(status: StatusCode) -> bool {
    [301, 302, 303, 307, 308].contains(&status.as_u16())
}
