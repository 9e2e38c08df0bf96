//! Who calls: API keys as bearer tokens (RFC 6750).

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::problem::{Code, Problem};
use crate::storage::Db;
use crate::storage::keys::{self, KeyRow};

/// Looks keys up.
#[derive(Clone)]
pub struct Keys {
    db: Db,
}

impl Keys {
    /// The keys of this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// What a key may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Register and change one's own clips.
    ClipsWrite,
    /// Everything, on anyone's clips.
    Ops,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClipsWrite => "clips:write",
            Self::Ops => "ops",
        }
    }
}

/// The caller: somebody with a key, or anybody.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    key: Option<KeyRow>,
}

impl Caller {
    /// The signed-in user.
    pub fn user_id(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.user_id.as_str())
    }

    /// The user, if the key may do this.
    pub fn require(&self, scope: Scope) -> Result<&str, Problem> {
        let key = self.key.as_ref().ok_or_else(|| {
            Problem::new(
                Code::Unauthorized,
                "Send your API key as `Authorization: Bearer …`.",
            )
        })?;
        if self.may(scope) {
            Ok(&key.user_id)
        } else {
            Err(Problem::new(
                Code::Forbidden,
                format!("The key lacks the scope `{}`.", scope.as_str()),
            ))
        }
    }

    /// Whether the caller may change what this user owns.
    pub fn may_change(&self, owner_id: &str) -> bool {
        self.user_id() == Some(owner_id) || self.may(Scope::Ops)
    }

    /// Whether the caller may see a clip.
    pub fn may_watch(&self, visibility: &str, owner_id: &str) -> bool {
        visibility == "public" || self.may_change(owner_id)
    }

    fn may(&self, scope: Scope) -> bool {
        self.key
            .as_ref()
            .is_some_and(|key| key.scopes.split(' ').any(|granted| granted == scope.as_str()))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(header) = request.headers().get(header::AUTHORIZATION) else {
            return boxed(ready(Ok(Self::default())));
        };
        let token = header
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned);
        let keys = request.app_data::<web::Data<Keys>>().cloned();
        Box::pin(async move {
            let unknown = || Problem::new(Code::Unauthorized, "The API key is not known.");
            let (Some(token), Some(keys)) = (token, keys) else {
                return Err(unknown());
            };
            let key = keys::find(&keys.db, token.trim()).await?.ok_or_else(unknown)?;
            Ok(Self { key: Some(key) })
        })
    }
}

fn boxed(answer: Ready<Result<Caller, Problem>>) -> Pin<Box<dyn Future<Output = Result<Caller, Problem>>>> {
    Box::pin(answer)
}
