//! Signatures, verified by the program of the manual, which shares nothing with ours.

use std::io::Write;
use std::process::{Command, Stdio};

use clipper_projections::Statement;
use serde_json::{Value, json};

use super::{TOLD, happen, listen, path, told_on_both_databases, until_told};
use crate::support::app::TestApp;
use crate::support::receiver::{Received, Receiver, Reply};

told_on_both_databases!(the_manuals_program_believes_us_and_nobody_else);

/// The first program of a language in the manual.
fn from_manual(language: &str) -> String {
    let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhooks.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// What the manual's function says to a message with this secret at this time.
#[expect(clippy::disallowed_methods, reason = "tests start processes")]
fn verify(secret: &str, received: &Received, now: i64) -> Result<Value, String> {
    let program = format!(
        "{}\nconst input = JSON.parse(await new Response(process.stdin).text());\n\
         const event = verified(input.secret, new Map(Object.entries(input.headers)), input.body, input.now);\n\
         console.log(JSON.stringify(event));\n",
        from_manual("js")
    );
    let input = json!({
        "secret": secret,
        "headers": {
            "webhook-id": received.id, "webhook-timestamp": received.timestamp, "webhook-signature": received.signature,
        },
        "body": received.body,
        "now": now,
    });
    let mut child = Command::new("node")
        .args(["--input-type=module", "-e", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

async fn the_manuals_program_believes_us_and_nobody_else(app: &TestApp) {
    let receiver = Receiver::start(|_, _| Reply::Status(200));
    let webhook = listen(app, &receiver.url, json!({})).await;
    let first = webhook["secret"].as_str().unwrap();
    happen(&app.services.db, &["one"]).await;
    let seen = until_told(app, &receiver, TOLD.len()).await;
    let ready = seen.last().unwrap();
    let sent_at: i64 = ready.timestamp.parse().unwrap();
    let event = verify(first, ready, sent_at).unwrap();
    let clip = app.json("/api/clips/one").await;
    assert_eq!(event["type"], "clip.ready");
    for name in [
        "id",
        "slug",
        "title",
        "hls_url",
        "hls_qualities",
        "hls_available",
        "hls_processing_status",
        "hls_processed_at",
        "duration",
        "visibility",
        "poster_url",
        "created_at",
    ] {
        assert_eq!(event["data"]["clip"][name], clip[name], "{name}");
    }
    assert_eq!(event["data"]["version"], 7);
    // Another body, another secret, another time.
    let forged = Received {
        body: ready.body.replace("clip.ready", "clip.failed"),
        ..ready.clone()
    };
    assert!(verify(first, &forged, sent_at).unwrap_err().contains("signature"));
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(verify(other, ready, sent_at).unwrap_err().contains("signature"));
    assert!(verify(first, ready, sent_at + 600).unwrap_err().contains("old"));
    rotate(app, &receiver, &webhook).await;
    receiver.stop().await;
}

/// For a day both secrets are good, then the new one alone.
async fn rotate(app: &TestApp, receiver: &Receiver, webhook: &Value) {
    let first = webhook["secret"].as_str().unwrap();
    let response = app
        .post(&path(webhook, "/rotate"), &json!({}))
        .send()
        .await
        .unwrap();
    let rotated: Value = response.json().await.unwrap();
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(first, second);
    let both = test(app, receiver, webhook).await;
    let now = both.timestamp.parse().unwrap();
    assert_eq!(verify(first, &both, now).unwrap()["type"], "webhook.test");
    assert!(verify(second, &both, now).is_ok());
    let sql = "UPDATE webhook_endpoints SET previous_until = $1";
    let yesterday = chrono::Utc::now() - chrono::TimeDelta::seconds(1);
    let over = Statement::new(sql, vec![yesterday.into()]);
    assert_eq!(app.services.db.execute(&over).await.unwrap(), 1);
    let one = test(app, receiver, webhook).await;
    assert!(verify(second, &one, now).is_ok());
    assert!(verify(first, &one, now).unwrap_err().contains("signature"));
}

async fn test(app: &TestApp, receiver: &Receiver, webhook: &Value) -> Received {
    let response = app
        .post(&path(webhook, "/test"), &json!({}))
        .send()
        .await
        .unwrap();
    let tested: Value = response.json().await.unwrap();
    assert_eq!(tested["delivered"], true, "{tested}");
    let seen = receiver.seen();
    let sent = seen.iter().find(|it| tested["message_id"] == it.id.as_str());
    sent.unwrap().clone()
}
