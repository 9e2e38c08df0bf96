//! Parameters of a query, read strictly: what is not known, said twice or malformed is refused by its name.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};

use crate::http::problem::{Code, Problem};

/// Parameters that were not asked for yet.
#[derive(Debug)]
pub(in crate::http) struct Parameters {
    left: BTreeMap<String, String>,
}

impl Parameters {
    pub(in crate::http) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        Self::read(request.query_string())
    }

    pub(super) fn read(query: &str) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query).map_err(|_malformed| {
            Problem::new(Code::InvalidRequest, "The query is no list of parameters.")
        })?;
        let mut left = BTreeMap::new();
        for (name, value) in pairs.into_inner() {
            if left.contains_key(&name) {
                return Err(Problem::parameter(&name, format!("`{name}` is said twice.")));
            }
            left.insert(name, value);
        }
        Ok(Self { left })
    }

    /// As it was sent.
    pub(in crate::http) fn text(&mut self, name: &str) -> Option<String> {
        self.left.remove(name)
    }

    /// One of some words, in any case.
    pub(in crate::http) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        known.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            Problem::parameter(name, format!("`{name}` must be one of {}.", words.join(", ")))
        })
    }

    /// A whole number.
    pub(in crate::http) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.map(Some).ok_or_else(|| {
            let detail = format!("`{name}` must be a whole number between {least} and {most}.");
            Problem::parameter(name, detail)
        })
    }

    /// An error, if anything was not asked for.
    pub(in crate::http) fn finish(self) -> Result<(), Problem> {
        match self.left.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::parameter(
                &name,
                format!("There is no parameter `{name}` here."),
            )),
        }
    }
}
