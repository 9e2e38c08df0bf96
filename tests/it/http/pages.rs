use serde_json::{Value, json};

use crate::support::app::{TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::footage;

#[actix::test]
async fn every_page_is_there_with_its_scripts() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let paths = [
        "/",
        "/watch/any-clip",
        "/embed/any-clip",
        "/studio",
        "/upload",
        "/insights",
        "/ops",
    ];
    for path in paths {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(
            answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        let has_player = path.starts_with("/watch/") || path.starts_with("/embed/");
        // Nothing may run or look but what is served as a file; the player's controls bring styles along.
        assert_eq!(policy.contains("'unsafe-inline'"), has_player, "{path}");
        assert!(!policy.contains("script-src") && policy.starts_with("default-src 'self';"));
        let html = answer.text().await.unwrap();
        let script = html
            .split("src=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a script");
        let script = app.get(script).await;
        assert_eq!(script.status(), 200);
        assert!(
            script.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert!(
            !html.contains("http://") && !html.contains("https://"),
            "{path} asks other hosts"
        );
    }
    assert_problem(app.get("/assets/none.js").await, 404, "not_found").await;
    app.finish().await;
}

#[actix::test]
async fn the_reporting_library_is_one_file_for_any_page() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let answer = app
        .client
        .get(app.url("/player/clipper-qoe.js"))
        .header("origin", "https://site.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let allowed: Vec<_> = answer
        .headers()
        .get_all("access-control-allow-origin")
        .iter()
        .collect();
    assert_eq!(allowed, ["*"]);
    assert_eq!(answer.headers()["content-type"], "text/javascript");
    let script = answer.text().await.unwrap();
    assert!(script.contains("reportHls") && script.contains("sendBeacon"));
    assert!(!script.contains("import "), "it needs other files");
    app.finish().await;
}

/// A title that would break out of text and attributes.
const TITLE: &str = r#"</title><script>alert("1")</script>"#;

async fn register(app: &TestApp, slug: &str, visibility: &str) {
    let clip = json!({ "title": TITLE, "slug": slug, "visibility": visibility });
    let answer = app.post("/api/clips", &clip).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[actix::test]
async fn a_public_clips_pages_say_what_it_is_and_a_private_ones_do_not() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    register(&app, "open", "public").await;
    register(&app, "closed", "private").await;
    let html = app.text("/watch/open").await;
    let embed = format!(
        r#"<meta property="og:video" content="{}/embed/open">"#,
        app.address
    );
    assert!(html.contains(&embed), "{html}");
    assert!(
        html.contains("<title>&lt;/title&gt;&lt;script&gt;") && !html.contains("<script>alert"),
        "{html}"
    );
    for path in ["/watch/closed", "/embed/closed", "/watch/none"] {
        let html = app.text(path).await;
        assert!(
            html.contains("<title>Clipper</title>") && !html.contains("og:"),
            "{path}"
        );
    }
    app.finish().await;
}

#[actix::test]
async fn anybody_may_frame_the_embed_page_and_nobody_else_the_theatre() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    register(&app, "open", "public").await;
    for (path, framed_by) in [
        ("/embed/open", "frame-ancestors *"),
        ("/embed/none", "frame-ancestors *"),
        ("/watch/open", "frame-ancestors 'self'"),
        ("/", "frame-ancestors 'self'"),
    ] {
        let answer = app.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with(framed_by), "{path}: {policy}");
        assert!(
            !policy.contains("script-src") && policy.starts_with("default-src 'self';"),
            "{path}: {policy}"
        );
    }
    app.finish().await;
}

#[actix::test]
async fn the_theatre_asks_for_the_playlist_ahead() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "short.mp4", "320x180", "25", 2, &[]);
    app.upload("short", &file).await;
    app.ended("short").await;
    let answer = app.get("/watch/short").await;
    let link = answer.headers()["link"].to_str().unwrap();
    assert_eq!(
        link,
        "</api/video/short/master.m3u8>; rel=preload; as=fetch; crossorigin=anonymous"
    );
    let html = answer.text().await.unwrap();
    let poster = format!(
        r#"<meta property="og:image" content="{}/api/video/short/poster.jpg">"#,
        app.address
    );
    assert!(html.contains(&poster), "{html}");
    app.finish().await;
}

#[actix::test]
async fn oembed_frames_public_clips_in_the_room_that_there_is() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    register(&app, "open", "public").await;
    register(&app, "closed", "private").await;
    let ask = |rest: &str| format!("/api/oembed?url={}/watch/{rest}", app.address);
    let told: Value = app.json(&ask("open&maxwidth=320&format=json")).await;
    assert_eq!(
        (&told["type"], &told["version"]),
        (&"video".into(), &"1.0".into())
    );
    assert_eq!((&told["width"], &told["title"]), (&320.into(), &TITLE.into()));
    let html = told["html"].as_str().unwrap();
    assert!(
        html.contains(&format!(r#"src="{}/embed/open""#, app.address)) && !html.contains("<script"),
        "{html}"
    );
    assert_problem(app.get(&ask("closed")).await, 404, "clip_not_found").await;
    assert_problem(app.get(&ask("open&format=xml")).await, 400, "invalid_request").await;
    assert_problem(app.get("/api/oembed?url=nonsense").await, 400, "invalid_request").await;
    app.finish().await;
}
