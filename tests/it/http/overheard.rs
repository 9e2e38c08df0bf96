//! CMCD on requests for media becomes part of the session, and changes nothing about the answer.

use clipper_domain::SessionId;
use clipper_projections::streaming_analytics;
use reqwest::header::HeaderMap;
use uuid::Uuid;

use crate::support::app::{KEY, TestApp};
use crate::support::on_both_databases;

on_both_databases!(
    what_requests_say_becomes_part_of_the_session,
    an_answer_is_the_same_whatever_a_request_says,
);

const PATH: &str = "/api/video/talk/captions/en.vtt";

async fn a_talk(app: &TestApp) {
    app.register("talk").await;
    let captions = app
        .client
        .put(app.url("/api/clips/talk/captions/en"))
        .bearer_auth(KEY)
        .body("1\n00:00:01,000 --> 00:00:02,000\nHello\n");
    assert!(captions.send().await.unwrap().status().is_success());
}

async fn what_requests_say_becomes_part_of_the_session(app: &TestApp) {
    a_talk(app).await;
    let sid = Uuid::now_v7();
    // Version 2 and version 1 in the query; in headers, which go before the query; and what nobody may read.
    for query in [
        format!("bl%3D(3000)%2Cmtp%3D(5000)%2Csid%3D%22{sid}%22%2Cv%3D2"),
        format!("bl%3D5000%2Cmtp%3D7000%2Csid%3D%22{sid}%22"),
        format!("bl%3D9000%2Csid%3D%22{sid}%22%2Cv%3D3"),
    ] {
        let answer = app.get(&format!("{PATH}?CMCD={query}")).await;
        assert_eq!(answer.status(), 200);
    }
    let headers = app
        .client
        .get(app.url(&format!("{PATH}?CMCD=bl%3D100%2Csid%3D%22another%22")))
        .header("CMCD-Request", "bl=7000,mtp=9000")
        .header("CMCD-Session", format!("sid=\"{sid}\""));
    assert_eq!(headers.send().await.unwrap().status(), 200);
    // Nobody watches what is not there.
    let nothing = app
        .get(&format!("/api/video/none/captions/en.vtt?CMCD=sid%3D%22{sid}%22"))
        .await;
    assert_eq!(nothing.status(), 404);
    let row = app
        .until("the session's row", async || {
            let row = app
                .services
                .db
                .optional(streaming_analytics::by_id(SessionId(sid)))
                .await
                .unwrap();
            row.filter(|row| row.requests >= 3)
        })
        .await;
    assert_eq!(
        (row.requests, row.clip.as_str(), row.clip_id.is_some()),
        (3, "talk", true)
    );
    assert_eq!((row.bandwidth_mbps, row.buffer_health), (Some(7.0), Some(5.0)));
    let another = streaming_analytics::by_id(SessionId::of_named("another"));
    assert!(app.services.db.optional(another).await.unwrap().is_none());
}

async fn an_answer_is_the_same_whatever_a_request_says(app: &TestApp) {
    a_talk(app).await;
    let silent = app.get(PATH).await;
    let said = app.get(&format!("{PATH}?CMCD=bl%3D3000%2Csid%3D%22a%22")).await;
    let told = app
        .client
        .get(app.url(PATH))
        .header("CMCD-Session", "sid=\"a\"")
        .send()
        .await
        .unwrap();
    let shape = |headers: &HeaderMap| {
        let kept = headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        kept.map(|(name, value)| format!("{name}: {value:?}"))
            .collect::<Vec<_>>()
    };
    for other in [said, told] {
        assert_eq!(other.status(), silent.status());
        assert_eq!(shape(other.headers()), shape(silent.headers()));
    }
}
