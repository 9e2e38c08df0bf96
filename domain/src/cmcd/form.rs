//! The two forms that travel with a request: four headers, or a parameter of the query.

use super::text::{decode, encode};
use super::{Cmcd, Mode, Refused, Shard, read_line};

/// The headers, with what travels in each.
pub const HEADERS: [(&str, Shard); 4] = [
    ("cmcd-object", Shard::Object),
    ("cmcd-request", Shard::Request),
    ("cmcd-status", Shard::Status),
    ("cmcd-session", Shard::Session),
];

/// Reads what came in headers. Where a key stands does not matter.
pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Cmcd, Refused> {
    let values: Vec<&str> = values
        .into_iter()
        .filter(|value| !value.trim().is_empty())
        .collect();
    read_line(&values.join(","), Mode::Request)
}

/// Reads the parameter `CMCD` of a query; nothing, when there is none.
pub fn from_query(query: &str) -> Option<Result<Cmcd, Refused>> {
    query_value(query).map(|value| read_line(&decode(value), Mode::Request))
}

/// The parameter `CMCD` of a query as it was sent.
pub fn query_value(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("CMCD="))
}

impl Cmcd {
    /// As a parameter of a query: `CMCD=…`.
    pub fn to_query(&self) -> String {
        let printed = self.print(|key| key.is_none_or(|key| key.shard() != Shard::Event || key.is_own()));
        format!("CMCD={}", encode(&printed))
    }

    /// As headers; those that would be empty are left out. Custom keys travel with the session's.
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let header = |(name, shard): (&'static str, Shard)| {
            let of_session = shard == Shard::Session;
            let printed = self.print(|key| {
                key.map_or(of_session, |key| {
                    key.shard() == shard || (of_session && key.is_own())
                })
            });
            (!printed.is_empty()).then_some((name, printed))
        };
        HEADERS.into_iter().filter_map(header).collect()
    }
}
