//! What the claims of a token allow here.

use serde_json::{Map, Value};

use crate::config::SCOPES;

/// Which claim says what somebody may do, and what its values mean.
#[derive(Debug)]
pub(super) struct Scopes {
    claim: String,
    meanings: Vec<(String, &'static str)>,
}

impl Scopes {
    /// Without meanings the values are our scopes. With some, no other value counts: `ops` may be a role of theirs.
    pub(super) fn new(claim: &str, meanings: Vec<(String, &'static str)>) -> Self {
        let own = || SCOPES.map(|scope| (scope.to_owned(), scope)).to_vec();
        Self {
            claim: claim.to_owned(),
            meanings: if meanings.is_empty() { own() } else { meanings },
        }
    }

    /// Our scopes, separated by spaces.
    pub(super) fn of(&self, claims: &Map<String, Value>) -> String {
        let said = self.said(claims);
        let is_granted = |scope: &&str| {
            self.meanings
                .iter()
                .any(|(value, means)| means == scope && said.contains(&value.as_str()))
        };
        SCOPES
            .into_iter()
            .filter(is_granted)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A text of words (RFC 8693, section 4.2) or a list. Names may hold dots themselves, as addresses do.
    fn said<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        let by_path = || {
            let mut steps = self.claim.split('.');
            let first = claims.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        };
        match claims.get(&self.claim).or_else(by_path) {
            Some(Value::String(words)) => words.split_whitespace().collect(),
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn granted(claim: &str, meanings: &[(&str, &'static str)], claims: &Value) -> String {
        let meanings = meanings
            .iter()
            .map(|(value, scope)| ((*value).to_owned(), *scope));
        Scopes::new(claim, meanings.collect()).of(claims.as_object().unwrap())
    }

    #[test]
    fn scopes_are_found_where_providers_put_them() {
        let words = json!({ "scope": "openid ops clips:write" });
        assert_eq!(granted("scope", &[], &words), "clips:write ops");
        let roles = json!({ "realm_access": { "roles": ["editor", "ops"] } });
        let editors = [("editor", "clips:write")];
        assert_eq!(granted("realm_access.roles", &editors, &roles), "clips:write");
        let named = json!({ "https://site.example/roles": ["analytics:read"] });
        assert_eq!(
            granted("https://site.example/roles", &[], &named),
            "analytics:read"
        );
        for nothing in [json!({}), json!({ "scope": 7 }), json!({ "scope": "opsx clips" })] {
            assert_eq!(granted("scope", &[], &nothing), "", "{nothing}");
        }
    }
}
