//! Who may call an endpoint is asked before anything else of the request is read.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use super::auth::Caller;
use super::endpoint::Access;
use super::problem::Problem;

/// Lets those pass who may.
pub(super) async fn guard(
    access: Access,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let caller = request.extract::<Caller>().await?;
    check(access, &caller)?;
    next.call(request).await
}

/// As far as it can be said without knowing the clip; handlers ask whose it is.
fn check(access: Access, caller: &Caller) -> Result<(), Problem> {
    match access {
        Access::Anyone | Access::Viewer => Ok(()),
        Access::Key(scope) => caller.require(scope).map(drop),
        Access::Owner => caller.signed_in().map(drop),
        Access::Analyst => caller.audience().map(drop),
    }
}
