//! Who must not be asked: nobody reaches with our hands what lies in our network.

use clipper_projections::Statement;
use serde_json::json;

use super::{deliveries, happen, listen, path, spawn, told_on_both_databases};
use crate::support::app::{TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::on_both_databases;
use crate::support::receiver::{Receiver, Reply};

mod anywhere {
    use super::*;

    on_both_databases!(a_name_that_leads_home_later_is_not_asked);

    async fn a_name_that_leads_home_later_is_not_asked(app: &TestApp) {
        let receiver = Receiver::start(|_, _| Reply::Status(200));
        // When it was added its name led elsewhere.
        let webhook = listen(app, "https://192.0.1.1/hook", json!({})).await;
        let home = receiver.url.replace("127.0.0.1", "localhost");
        let sql = "UPDATE webhook_endpoints SET url = $1";
        let moved = Statement::new(sql, vec![home.into()]);
        assert_eq!(app.services.db.execute(&moved).await.unwrap(), 1);
        happen(&app.services.db, &["one"]).await;
        let tried = async || {
            let listed = deliveries(app, &webhook).await;
            listed.into_iter().find(|one| one["error"].is_string())
        };
        let refused = app.until("an attempt", tried).await;
        let error = refused["error"].as_str().unwrap();
        assert!(error.starts_with("`localhost` has the address"), "{error}");
        let tested = app
            .post(&path(&webhook, "/test"), &json!({}))
            .send()
            .await
            .unwrap();
        let tested: serde_json::Value = tested.json().await.unwrap();
        assert_eq!(
            (&tested["delivered"], &tested["response_status"]),
            (&json!(false), &json!(null))
        );
        assert!(receiver.seen().is_empty());
        receiver.stop().await;
    }
}

mod allowed {
    use super::*;

    told_on_both_databases!(a_redirect_leads_nowhere);

    async fn a_redirect_leads_nowhere(app: &TestApp) {
        let inner = Receiver::start(|_, _| Reply::Status(200));
        let to = inner.url.clone();
        let receiver = Receiver::start(move |_, _| Reply::Elsewhere(to.clone()));
        let webhook = listen(app, &receiver.url, json!({})).await;
        let tested = app
            .post(&path(&webhook, "/test"), &json!({}))
            .send()
            .await
            .unwrap();
        let tested: serde_json::Value = tested.json().await.unwrap();
        assert_eq!(
            (&tested["delivered"], &tested["response_status"]),
            (&json!(false), &json!(302))
        );
        assert_eq!(tested["error"], "answered 302 Found: redirects are not followed");
        assert_eq!((receiver.seen().len(), inner.seen().len()), (1, 0));
        receiver.stop().await;
        inner.stop().await;
    }
}

#[actix::test]
async fn addresses_of_ones_own_network_are_refused_however_they_are_written() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for url in [
        "http://127.0.0.1:9/",
        "http://2130706433/",
        "http://localhost:9/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://100.64.0.1/",
        "http://192.168.1.1/",
    ] {
        let response = app
            .post("/api/webhooks", &json!({ "url": url }))
            .send()
            .await
            .unwrap();
        let problem = assert_problem(response, 422, "private_address").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("which is not a public one"), "{url}: {detail}");
    }
    for url in [
        "ftp://192.0.1.1/",
        "not an address",
        "https://me:secret@192.0.1.1/",
        "",
    ] {
        let response = app
            .post("/api/webhooks", &json!({ "url": url }))
            .send()
            .await
            .unwrap();
        assert_problem(response, 400, "invalid_request").await;
    }
    app.finish().await;
}

#[actix::test]
async fn what_is_allowed_of_a_private_network_is_not_all_of_it() {
    let app = spawn(Backend::Sqlite).await;
    let response = app
        .post("/api/webhooks", &json!({ "url": "http://10.0.0.1/" }))
        .send();
    assert_problem(response.await.unwrap(), 422, "private_address").await;
    app.finish().await;
}
