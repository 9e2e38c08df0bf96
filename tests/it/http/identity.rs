//! Bearer tokens of an identity provider.

use chrono::Utc;
use clipper::config::AuthConfig;
use clipper::storage::people;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::process::clipper;
use crate::support::provider::{AUDIENCE, ISSUER, Provider, Signer, claims, claims_with, published};

const SESSION: &str = "/api/session";

fn believing(jwks_url: &str) -> AuthConfig {
    AuthConfig {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_url: jwks_url.to_owned(),
        jwks_refresh_seconds: 3_600,
        ..AuthConfig::default()
    }
}

async fn app_of(backend: Backend, auth: AuthConfig) -> TestApp {
    TestApp::spawn_with(backend, |config| config.auth = auth).await
}

async fn status(app: &TestApp, token: &str) -> u16 {
    app.get_as(token, SESSION).await.status().as_u16()
}

async fn register(app: &TestApp, token: &str, slug: &str) -> reqwest::Response {
    let body = json!({ "title": slug, "slug": slug, "visibility": "private" });
    let post = app.client.post(app.url("/api/clips")).bearer_auth(token);
    post.json(&body).send().await.unwrap()
}

/// Keys of three kinds sign for one and the same person.
async fn walk(backend: Backend) {
    let keys = [Signer::rsa("first"), Signer::ec("second"), Signer::ed("third")];
    let provider = Provider::start(&keys.each_ref());
    let app = app_of(backend, believing(&provider.url())).await;
    let writes = json!({ "scope": "openid clips:write" });
    for key in &keys {
        let plain = key.sign(&claims("ann"));
        let who: Value = app.get_as(&plain, SESSION).await.json().await.unwrap();
        assert_eq!(who["user"], "ann");
        assert_problem(register(&app, &plain, "no").await, 403, "forbidden").await;

        let registered = register(&app, &key.sign(&claims_with("ann", &writes)), key.id).await;
        assert_eq!(registered.status(), 201);
        let clip: Value = registered.json().await.unwrap();
        assert_eq!(clip["owner_id"], "ann");
        let writer = key.sign(&claims_with("ann", &writes));
        let history = format!("/api/clips/{}/history", key.id);
        let history = app.get_as(&writer, &history).await;
        let history: Value = history.json().await.unwrap();
        let actor = history["events"][0]["metadata"]["actor"].as_str().unwrap();
        let user = people::user_of(&app.services.db, actor).await.unwrap();
        assert_eq!((user.as_deref(), actor == "ann"), (Some("ann"), false));

        // What she owns she sees with a token of any key, and others do not.
        let path = format!("/api/clips/{}", key.id);
        for other in &keys {
            assert_eq!(app.get_as(&other.sign(&claims("ann")), &path).await.status(), 200);
        }
        let stranger = key.sign(&claims_with("bob", &writes));
        assert_problem(app.get_as(&stranger, &path).await, 404, "clip_not_found").await;

        let operator = key.sign(&claims_with("oda", &json!({ "scope": "ops" })));
        assert_eq!(app.get_as(&operator, "/api/ops/projections").await.status(), 200);
        assert_problem(app.get_as(&plain, "/api/ops/projections").await, 403, "forbidden").await;
    }
    assert_eq!(provider.asked(), 1, "the keys were kept");
    assert_eq!(status(&app, KEY).await, 200, "keys of our own are good beside it");
    app.finish().await;
    provider.stop().await;
}

#[actix::test]
async fn a_token_of_the_provider_is_its_user_on_sqlite() {
    walk(Backend::Sqlite).await;
}

#[actix::test]
async fn a_token_of_the_provider_is_its_user_on_postgres() {
    walk(Backend::Postgres).await;
}

fn spoilt(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut letters = signature.chars();
    let first = if letters.next() == Some('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", letters.as_str())
}

/// The claims with `alg: none`, and no signature.
fn unsigned(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT","kid":"rsa"}
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoicnNhIn0.{claims}.")
}

/// A token that a shared secret signs: the key that everybody can read.
fn confused(key: &Signer) -> String {
    let header = Header {
        kid: Some(key.id.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let secret = EncodingKey::from_secret(key.public["n"].as_str().unwrap().as_bytes()).unwrap();
    encode(&header, &claims("eve"), &secret).unwrap()
}

#[actix::test]
async fn a_token_is_refused_for_whatever_is_wrong_with_it() {
    let (rsa, ec, foreign) = (Signer::rsa("rsa"), Signer::ec("ec"), Signer::rsa("rsa"));
    let provider = Provider::start(&[&rsa, &ec]);
    let app = app_of(Backend::Sqlite, believing(&provider.url())).await;
    let now = Utc::now().timestamp();
    let with = |others: Value| rsa.sign(&claims_with("ann", &others));
    let named = |id: Option<&str>, algorithm| Header {
        kid: id.map(str::to_owned),
        ..Header::new(algorithm)
    };
    let critical = Header {
        crit: Some(vec!["strange".to_owned()]),
        ..rsa.header()
    };
    let (key, ours) = ("signed with a key", "is not one of");
    let good = claims("ann");
    let refused = [
        ("alg none", unsigned(&with(json!({}))), "cannot be read"),
        ("the public key as a secret", confused(&rsa), key),
        (
            "an unknown kid",
            rsa.sign_as(&named(Some("other"), Algorithm::RS256), &good),
            key,
        ),
        (
            "no kid, and two keys",
            rsa.sign_as(&named(None, Algorithm::RS256), &good),
            key,
        ),
        (
            "another's kid",
            rsa.sign_as(&named(Some("ec"), Algorithm::RS256), &good),
            key,
        ),
        (
            "an algorithm that the key is not for",
            rsa.sign_as(&named(Some("rsa"), Algorithm::PS256), &good),
            key,
        ),
        ("a foreign key under our kid", foreign.sign(&good), ours),
        ("a spoilt signature", spoilt(&rsa.sign(&good)), ours),
        (
            "what must be understood",
            rsa.sign_as(&critical, &good),
            "cannot be read",
        ),
        ("expired", with(json!({ "exp": now - 61 })), "has expired"),
        (
            "not yet valid",
            with(json!({ "nbf": now + 600 })),
            "not valid yet",
        ),
        ("nbf is no time", with(json!({ "nbf": "soon" })), "cannot be read"),
        (
            "another issuer",
            with(json!({ "iss": "https://evil.example" })),
            ours,
        ),
        ("no issuer", with(json!({ "iss": null })), ours),
        ("another audience", with(json!({ "aud": ["others"] })), ours),
        ("no audience", with(json!({ "aud": null })), ours),
        ("without end", with(json!({ "exp": null })), "lacks"),
        ("of nobody", with(json!({ "sub": null })), "lacks"),
        ("of nobody in particular", with(json!({ "sub": " " })), "lacks"),
    ];
    for (wrong, token, why) in refused {
        // A name in an address is no way in either: whoever sends a bad token is told so, also where anybody may look.
        for path in [SESSION, "/api/clips/none"] {
            let problem = assert_problem(app.get_as(&token, path).await, 401, "unauthorized").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(why), "{wrong}: {detail}");
        }
    }
    let clocks_differ = json!({ "exp": now - 20, "nbf": now - 30, "aud": ["others", AUDIENCE] });
    assert_eq!(status(&app, &with(clocks_differ)).await, 200);
    app.finish().await;
    provider.stop().await;
}

#[actix::test]
async fn unknown_keys_do_not_make_us_ask_the_provider_again_and_again() {
    let (key, invented) = (Signer::ec("known"), Signer::ec("invented"));
    let provider = Provider::start(&[&key]);
    let app = app_of(Backend::Sqlite, believing(&provider.url())).await;
    let flood = (0..40).map(|number| {
        let header = Header {
            kid: Some(format!("invented-{number}")),
            ..invented.header()
        };
        let token = invented.sign_as(&header, &claims("eve"));
        let app = &app;
        async move { status(app, &token).await }
    });
    let answers = futures_util::future::join_all(flood).await;
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    assert_eq!(status(&app, &key.sign(&claims("ann"))).await, 200);
    assert_eq!(provider.asked(), 1);
    app.finish().await;
    provider.stop().await;
}

#[actix::test]
async fn keys_change_with_the_provider_and_stay_while_it_is_down() {
    let (old, new) = (Signer::rsa("old"), Signer::ec("new"));
    let provider = Provider::start(&[&old]);
    let auth = AuthConfig {
        jwks_refresh_seconds: 1,
        ..believing(&provider.url())
    };
    let app = app_of(Backend::Sqlite, auth).await;
    let (by_old, by_new) = (old.sign(&claims("ann")), new.sign(&claims("ann")));
    assert_eq!(status(&app, &by_old).await, 200);

    provider.publish(&[&old, &new]);
    let accepted = async || (status(&app, &by_new).await == 200).then_some(());
    app.until("the new key", accepted).await;

    // The old one is taken back, and nobody says that it is unknown.
    provider.publish(&[&new]);
    let refused = async || (status(&app, &by_old).await == 401).then_some(());
    app.until("the end of the old key", refused).await;

    provider.fail();
    let asked = provider.asked();
    let asked_in_vain = async || {
        assert_eq!(status(&app, &by_old).await, 401);
        (provider.asked() > asked).then_some(())
    };
    app.until("a question in vain", asked_in_vain).await;
    assert_eq!(status(&app, &by_new).await, 200);
    app.finish().await;
    provider.stop().await;
}

#[actix::test]
async fn without_any_keys_it_is_said_that_nobody_can_tell() {
    let key = Signer::ec("known");
    let provider = Provider::start(&[&key]);
    provider.fail();
    let auth = AuthConfig {
        jwks_refresh_seconds: 1,
        ..believing(&provider.url())
    };
    let app = app_of(Backend::Sqlite, auth).await;
    let token = key.sign(&claims("ann"));
    assert_problem(app.get_as(&token, SESSION).await, 503, "overloaded").await;
    assert_eq!(status(&app, KEY).await, 200);
    provider.publish(&[&key]);
    app.until("the keys", async || {
        (status(&app, &token).await == 200).then_some(())
    })
    .await;
    app.finish().await;
    provider.stop().await;
}

#[actix::test]
async fn keys_may_stand_in_a_file_and_doctor_looks_at_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let key = Signer::rsa("filed");
    std::fs::write(&file, published(&[&key]).to_string()).unwrap();
    let auth = AuthConfig {
        jwks_file: file.clone(),
        scope_claim: "realm_access.roles".to_owned(),
        scope_map: "editor=clips:write, analyst=analytics:read".to_owned(),
        ..believing("")
    };
    let app = app_of(Backend::Sqlite, auth).await;
    let roles = json!({ "realm_access": { "roles": ["editor", "ops", "clips:write"] } });
    let token = key.sign(&claims_with("ann", &roles));
    let who: Value = app.get_as(&token, SESSION).await.json().await.unwrap();
    assert_eq!(who, json!({ "user": "ann", "scopes": ["clips:write"] }));

    let examined = async |file: &std::path::Path| {
        let mut command = clipper(&app.folder.path().join("data"), app.database_url());
        command.args(["--json", "doctor"]);
        command.env("CLIPPER_AUTH_ISSUER", ISSUER);
        command.env("CLIPPER_AUTH_AUDIENCE", AUDIENCE);
        command.env("CLIPPER_AUTH_JWKS_FILE", file);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let told: Value = serde_json::from_slice(&output.await.unwrap().stdout).unwrap();
        let checks = told.as_array().unwrap().iter();
        checks
            .filter(|check| check["check"] == "identity keys")
            .map(|check| check["ok"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(examined(&file).await, [true]);
    assert_eq!(examined(&folder.path().join("none.json")).await, [false]);
    app.finish().await;
}
