//! An endpoint: one method of one route, who answers it, and what is said of it in public.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{FromRequest, Handler, Responder, Route, web};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::auth::Scope;
use super::guard::guard;
use super::problem::Code;

/// Adds a type to a document's schemas, and says how to refer to it.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Anyone,
    /// Anybody, of a public clip; of a private one its owner, `ops`, and holders of a playback token.
    Viewer,
    /// Who holds a key with this scope.
    Key(Scope),
    /// The clip's owner, with a key that has `clips:write`, and `ops`.
    Owner,
    /// Analysts, of all clips; owners with a key that has `clips:write`, of their own.
    Analyst,
}

/// What is sent along.
pub(super) struct Body {
    pub(super) types: &'static [&'static str],
    pub(super) shape: Option<Shape>,
    pub(super) required: bool,
}

/// One way in which a request is answered that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) says: &'static str,
    /// The type of its body, where it has one.
    pub(super) media: Option<&'static str>,
    /// For JSON.
    pub(super) shape: Option<Shape>,
}

/// One method of one route.
pub(crate) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    /// Whether `HEAD` is answered like `GET`.
    pub(super) has_head: bool,
    pub(super) query: Option<Shape>,
    /// What is asked for besides, and what it says.
    pub(super) asked: Vec<(&'static str, &'static str)>,
    /// Headers of the request, and what they say.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<Code>,
    handler: Box<dyn Fn() -> Route>,
}

impl Endpoint {
    fn new<F, Args>(method: Method, path: &'static str, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self {
            method,
            path,
            summary,
            access: Access::Anyone,
            has_head: false,
            query: None,
            asked: vec![],
            headers: vec![],
            body: None,
            answers: vec![],
            problems: vec![],
            handler: Box::new(move || web::route().to(handler.clone())),
        }
    }

    /// What the application is given: one for each method.
    pub(super) fn routes(&self) -> Vec<Route> {
        let access = self.access;
        let methods = std::iter::once(self.method.clone()).chain(self.has_head.then_some(Method::HEAD));
        methods
            .map(|method| (self.handler)().method(method))
            .map(|route| match access {
                Access::Anyone | Access::Viewer => route,
                Access::Key(_) | Access::Owner | Access::Analyst => {
                    route.wrap(from_fn(move |request, next| guard(access, request, next)))
                }
            })
            .collect()
    }

    pub(super) fn by(self, access: Access) -> Self {
        Self { access, ..self }
    }

    pub(super) fn for_ops(self) -> Self {
        self.by(Access::Key(Scope::Ops))
    }

    pub(super) fn and_head(self) -> Self {
        Self {
            has_head: true,
            ..self
        }
    }

    pub(super) fn query<T: JsonSchema>(self) -> Self {
        Self {
            query: Some(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    /// A parameter of the query that the handler reads itself.
    pub(super) fn asks(mut self, name: &'static str, says: &'static str) -> Self {
        self.asked.push((name, says));
        self
    }

    pub(super) fn header(mut self, name: &'static str, says: &'static str) -> Self {
        self.headers.push((name, says));
        self
    }

    /// A JSON body that must be there.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        self.json_body::<T>(true)
    }

    /// A JSON body that may be left out.
    pub(super) fn may_take<T: JsonSchema>(self) -> Self {
        self.json_body::<T>(false)
    }

    fn json_body<T: JsonSchema>(self, required: bool) -> Self {
        let body = Body {
            types: &["application/json"],
            shape: Some(SchemaGenerator::subschema_for::<T>),
            required,
        };
        Self {
            body: Some(body),
            ..self
        }
        .refuses(&[Code::MalformedJson, Code::UnsupportedMediaType, Code::TooLarge])
    }

    /// A body of other types than JSON.
    pub(super) fn takes_bytes(self, types: &'static [&'static str]) -> Self {
        let body = Body {
            types,
            shape: None,
            required: true,
        };
        Self {
            body: Some(body),
            ..self
        }
    }

    /// Answers JSON.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        self.answer(Answer {
            status,
            says,
            media: Some("application/json"),
            shape: Some(SchemaGenerator::subschema_for::<T>),
        })
    }

    /// Answers a body of this type.
    pub(super) fn sends(self, status: u16, media: &'static str, says: &'static str) -> Self {
        self.answer(Answer {
            status,
            says,
            media: Some(media),
            shape: None,
        })
    }

    /// Answers without a body.
    pub(super) fn empty(self, status: u16, says: &'static str) -> Self {
        self.answer(Answer {
            status,
            says,
            media: None,
            shape: None,
        })
    }

    fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// A file of this type, whole or in ranges, for clients that may have it already.
    pub(super) fn file(self, media: &'static str, says: &'static str) -> Self {
        self.and_head()
            .sends(200, media, says)
            .sends(206, media, "The range that was asked for")
            .empty(304, "What the client has is still right")
            .header("Range", "Which bytes, as RFC 9110 section 14.2 has it")
            .header("If-Range", "Of which version")
            .header("If-None-Match", "The `ETag` of what the client has")
            .refuses(&[Code::RangeNotSatisfiable])
    }

    /// A text of this type that is sent whole, for clients that may have it already.
    pub(super) fn text(self, media: &'static str, says: &'static str) -> Self {
        self.and_head()
            .sends(200, media, says)
            .empty(304, "What the client has is still right")
            .header("If-None-Match", "The `ETag` of what the client has")
    }

    pub(super) fn refuses(mut self, problems: &[Code]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        pub(super) fn $name<F, Args>(path: &'static str, handler: F, summary: &'static str) -> Endpoint
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            Endpoint::new(Method::$method, path, handler, summary)
        }
    )*};
}

methods!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE, options OPTIONS);
