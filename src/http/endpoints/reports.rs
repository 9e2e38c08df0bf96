//! What players tell.

use crate::http::beacons::{self, Received};
use crate::http::cmcd;
use crate::http::endpoint::{Endpoint, post};
use crate::http::problem::Code;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let json = |endpoint: Endpoint| {
        endpoint
            .takes_bytes(&["application/json", "text/plain"])
            .answers::<Received>(202, "What was stored, after the commit")
            .empty(204, "The same for `text/plain`")
            .refuses(&[
                Code::MalformedJson,
                Code::InvalidSession,
                Code::TooLarge,
                Code::UnsupportedMediaType,
            ])
            .refuses(&[Code::ReportsUnwanted])
    };
    vec![
        json(post(
            "/api/sessions/{sid}/reports",
            beacons::post_session,
            "A batch of records of one session",
        )),
        json(post(
            "/api/analytics/beacons",
            beacons::post,
            "A batch of records, or a whole session in a few numbers",
        )),
        post(
            "/api/analytics/cmcd",
            cmcd::post,
            "Records of CMCD version 2 in event mode (CTA-5004-B)",
        )
        .takes_bytes(&["application/cmcd", "text/cmcd", "text/plain"])
        .empty(204, "They are stored, after the commit")
        .refuses(&[
            Code::MalformedCmcd,
            Code::TooLarge,
            Code::UnsupportedMediaType,
            Code::ReportsUnwanted,
        ]),
        post(
            "/api/analytics/cmcd/validate",
            cmcd::validate,
            "What the standard says of these records",
        )
        .takes_bytes(&["application/cmcd", "text/cmcd", "text/plain"])
        .answers::<cmcd::Verdict>(200, "Every issue with its line and key")
        .refuses(&[Code::TooLarge]),
    ]
}
