//! Who calls: API keys and tokens of an identity provider as bearer tokens (RFC 6750), or keys in the cookie of who signed in on the pages.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use chrono::{DateTime, Utc};
use clipper_domain::PersonId;
use clipper_projections::clips::ClipRow;
use uuid::Uuid;

use super::clips::id_of;
use super::limits::{Client, Kind, Limits};
use super::problem::{Code, Problem};
use super::request_id;
use super::session;
use super::ticket::Ticket;
use crate::clock::Clock;
use crate::commands::CommandContext;
use crate::delivery::{TokenError, Tokens};
use crate::identity::{Denied, Identity, Vouched, looks_signed};
use crate::storage::keys::{self, KeyRow};
use crate::storage::{Db, StorageError, people};

/// Looks keys up.
#[derive(Clone)]
pub struct Keys {
    db: Db,
    identity: Option<Arc<Identity>>,
}

impl Keys {
    /// The keys of this database, and the tokens of an identity provider.
    pub fn new(db: Db, identity: Option<Arc<Identity>>) -> Self {
        Self { db, identity }
    }

    /// Whether this key is good for anything now.
    pub(super) async fn knows(&self, key: &str, now: DateTime<Utc>) -> Result<bool, StorageError> {
        Ok(self.holder(key, now).await?.is_some())
    }

    async fn holder(&self, key: &str, now: DateTime<Utc>) -> Result<Option<Holder>, StorageError> {
        let Some(key) = keys::find(&self.db, key, now).await? else {
            return Ok(None);
        };
        self.known(key, now).await.map(Some)
    }

    /// Who sent a key, or what the identity provider signed; cookies hold keys only.
    async fn sent(
        &self,
        token: &str,
        remembered: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Holder>, Problem> {
        let Some(identity) = self
            .identity
            .as_ref()
            .filter(|_| !remembered && looks_signed(token))
        else {
            return Ok(self.holder(token, now).await?);
        };
        let Vouched { user, scopes } = identity.verify(token, now).await?;
        let key = KeyRow {
            user_id: user,
            scopes,
        };
        Ok(Some(self.known(key, now).await?))
    }

    async fn known(&self, key: KeyRow, now: DateTime<Utc>) -> Result<Holder, StorageError> {
        let person = people::find_or_add(&self.db, &key.user_id, Uuid::new_v4(), now).await?;
        Ok(Holder { key, person })
    }
}

/// Somebody with a key.
#[derive(Clone, Debug)]
struct Holder {
    key: KeyRow,
    person: PersonId,
}

/// What a key may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Register and change one's own clips.
    ClipsWrite,
    /// Read how all clips were played.
    AnalyticsRead,
    /// Everything, on anyone's clips.
    Ops,
}

impl Scope {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ClipsWrite => "clips:write",
            Self::AnalyticsRead => "analytics:read",
            Self::Ops => "ops",
        }
    }
}

/// The caller: somebody with a key, or anybody.
#[derive(Clone)]
pub struct Caller {
    holder: Option<Holder>,
    ticket: Option<Verifier>,
    request_id: String,
}

/// A playback token that came with the request, and what it is verified with.
#[derive(Clone)]
struct Verifier {
    ticket: Ticket,
    tokens: Tokens,
    now: DateTime<Utc>,
}

impl Caller {
    /// The signed-in person.
    pub fn person(&self) -> Option<PersonId> {
        self.holder.as_ref().map(|holder| holder.person)
    }

    /// The person, if there is a key.
    pub(super) fn signed_in(&self) -> Result<PersonId, Problem> {
        self.person().ok_or_else(|| {
            Problem::new(
                Code::Unauthorized,
                "Send your API key as `Authorization: Bearer …`.",
            )
        })
    }

    /// The person, if the key may do this.
    pub fn require(&self, scope: Scope) -> Result<PersonId, Problem> {
        let person = self.signed_in()?;
        if self.may(scope) {
            Ok(person)
        } else {
            Err(Problem::new(
                Code::Forbidden,
                format!("The key lacks the scope `{}`.", scope.as_str()),
            ))
        }
    }

    /// Whose clips the caller may know the viewers of: everybody's (nobody is named), or those of the person itself.
    pub(super) fn audience(&self) -> Result<Option<PersonId>, Problem> {
        if self.may(Scope::AnalyticsRead) || self.may(Scope::Ops) {
            return Ok(None);
        }
        let refused = self.require(Scope::AnalyticsRead);
        match self.person() {
            Some(person) if self.may(Scope::ClipsWrite) => Ok(Some(person)),
            _ => refused.map(Some),
        }
    }

    /// What the caller's key is good for.
    pub(super) fn scopes(&self) -> Vec<&str> {
        let holder = self.holder.as_ref();
        holder.map_or_else(Vec::new, |holder| holder.key.scopes.split(' ').collect())
    }

    /// What is written beside the events of a command: who asked for it, and in which request.
    pub fn context(&self, command_id: Option<String>) -> CommandContext {
        CommandContext {
            command_id: command_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            actor: self
                .person()
                .map_or("viewer".to_owned(), |person| person.to_string()),
            correlation_id: self.request_id.clone(),
            causation_id: None,
        }
    }

    /// Whether the caller may change what this person owns.
    pub fn may_change(&self, owner_id: &str) -> bool {
        self.person().is_some_and(|person| person.to_string() == owner_id) || self.may(Scope::Ops)
    }

    /// An error, unless the caller may see the clip that a name means. Of clips that the caller may not see, nobody learns
    /// whether they exist.
    pub(super) fn watch(&self, name: &str, clip: Option<&ClipRow>) -> Result<(), Problem> {
        match (&self.ticket, clip) {
            (Some(Verifier { ticket, tokens, now }), Some(row)) => {
                ticket.verify(tokens, id_of(row)?, *now)?;
                Ok(())
            }
            (Some(_), None) => Err(TokenError::Invalid.into()),
            (None, Some(row)) if row.visibility == "public" || self.may_change(&row.owner_id) => Ok(()),
            (None, _) => Err(Problem::clip_not_found(name)),
        }
    }

    fn may(&self, scope: Scope) -> bool {
        self.holder.as_ref().is_some_and(|holder| {
            holder
                .key
                .scopes
                .split(' ')
                .any(|granted| granted == scope.as_str())
        })
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(known) = request.extensions().get::<Self>() {
            return boxed(ready(Ok(known.clone())));
        }
        let request_id = request_id::of(request);
        let clock = request.app_data::<web::Data<dyn Clock>>().cloned();
        let ticket = request.extensions().get::<Ticket>().cloned();
        let tokens = request.app_data::<web::Data<Tokens>>().cloned();
        let ticket = match (ticket, tokens, &clock) {
            (Some(ticket), Some(tokens), Some(clock)) => Some(Verifier {
                ticket,
                tokens: tokens.get_ref().clone(),
                now: clock.now(),
            }),
            _ => None,
        };
        let anybody = Self {
            holder: None,
            ticket,
            request_id,
        };
        let header = request.headers().get(header::AUTHORIZATION);
        let remembered = header.is_none();
        let token = if let Some(header) = header {
            header
                .to_str()
                .ok()
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(str::to_owned)
        } else {
            match session::key_in_cookie(request) {
                Some(key) => Some(key),
                None => return boxed(ready(Ok(anybody))),
            }
        };
        let request = request.clone();
        let keys = request.app_data::<web::Data<Keys>>().cloned();
        let limits = request.app_data::<web::Data<Limits>>().cloned();
        Box::pin(async move {
            let unknown = || Problem::new(Code::Unauthorized, "The API key is not known.");
            let (Some(token), Some(keys), Some(clock)) = (token, keys, clock) else {
                return Err(unknown());
            };
            let Some(holder) = keys.sent(token.trim(), remembered, clock.now()).await? else {
                // A browser that remembers a key of the past is a visitor like any other.
                return if remembered { Ok(anybody) } else { Err(unknown()) };
            };
            if let Some(limits) = limits {
                limits.take(Kind::Person, Client::Person(holder.person))?;
            }
            // Whoever sends the answer asks whom it is for.
            request.extensions_mut().insert(holder.person);
            let caller = Self {
                holder: Some(holder),
                ..anybody
            };
            request.extensions_mut().insert(caller.clone());
            Ok(caller)
        })
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::NoKeys => Code::Overloaded,
            Denied::Malformed
            | Denied::UnknownKey
            | Denied::NotOurs
            | Denied::Incomplete
            | Denied::Expired
            | Denied::TooEarly => Code::Unauthorized,
        };
        Self::new(code, denied.to_string())
    }
}

fn boxed(answer: Ready<Result<Caller, Problem>>) -> Pin<Box<dyn Future<Output = Result<Caller, Problem>>>> {
    Box::pin(answer)
}
