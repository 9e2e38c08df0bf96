//! Resumable uploads by tus.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::app::{KEY, TestApp, assert_problem, files_below};
use crate::support::database::Backend;
use crate::support::footage;
use crate::support::process::told;

fn tus(app: &TestApp, method: Method, path: &str) -> RequestBuilder {
    let address = if path.starts_with("http") {
        path.to_owned()
    } else {
        app.url(path)
    };
    app.client
        .request(method, address)
        .bearer_auth(KEY)
        .header("Tus-Resumable", "1.0.0")
}

fn encoded(text: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(text)
}

async fn create(app: &TestApp, length: usize, metadata: &str) -> String {
    let created = tus(app, Method::POST, "/api/uploads")
        .header("Upload-Length", length)
        .header("Upload-Metadata", metadata)
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201, "{created:?}");
    assert!(created.headers().contains_key("upload-expires"));
    created.headers()["location"].to_str().unwrap().to_owned()
}

fn patch(app: &TestApp, upload: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
    tus(app, Method::PATCH, upload)
        .header("Upload-Offset", offset)
        .header("Content-Type", "application/offset+octet-stream")
        .body(bytes.to_vec())
}

fn offset(response: &Response) -> usize {
    response.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn head(app: &TestApp, upload: &str) -> Response {
    tus(app, Method::HEAD, upload).send().await.unwrap()
}

#[actix::test]
async fn an_upload_in_parts_becomes_a_clip() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 2, &[]);
    let bytes = std::fs::read(file).unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let metadata = format!("filename {},title {}", encoded("a.mp4"), encoded("In parts"));
    let upload = create(&app, bytes.len(), &metadata).await;
    assert_eq!(offset(&head(&app, &upload).await), 0);
    let sent = patch(&app, &upload, 0, first).send().await.unwrap();
    assert_eq!((sent.status().as_u16(), offset(&sent)), (204, first.len()));
    // Sent again from the beginning, it is refused and nothing is harmed.
    let wrong = patch(&app, &upload, 0, first).send().await.unwrap();
    assert_problem(wrong, 409, "upload_offset").await;
    let standing = head(&app, &upload).await;
    assert_eq!(offset(&standing), first.len());
    assert_eq!(
        standing.headers()["upload-length"],
        bytes.len().to_string().as_str()
    );
    assert_eq!(standing.headers()["cache-control"], "no-store");
    let sent = patch(&app, &upload, first.len(), second).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    let clip = sent.headers()["content-location"].to_str().unwrap().to_owned();
    assert_eq!(
        head(&app, &upload).await.status(),
        404,
        "a complete upload is gone"
    );
    let clip = app.json(&clip).await;
    assert_eq!(
        (clip["title"].as_str(), clip["encoding"]["state"].as_str()),
        (Some("In parts"), Some("queued"))
    );
    let stored = files_below(&app.folder.path().join("data/video"));
    let sha256 = hex::encode(Sha256::digest(&bytes));
    assert_eq!(
        stored,
        [format!("{}/source/{sha256}", clip["id"].as_str().unwrap())]
    );
    app.finish().await;
}

#[actix::test]
async fn a_length_may_come_later_and_is_told_once() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| config.upload.max_bytes = 1 << 20).await;
    let deferred =
        |value: &'static str| tus(&app, Method::POST, "/api/uploads").header("Upload-Defer-Length", value);
    let both = deferred("1").header("Upload-Length", 5);
    for wrong in [deferred("2"), both] {
        assert_problem(wrong.send().await.unwrap(), 400, "invalid_request").await;
    }
    let begun = deferred("1").send().await.unwrap();
    assert_eq!(begun.status(), 201);
    let upload = begun.headers()["location"].to_str().unwrap().to_owned();
    let sent = patch(&app, &upload, 0, b"abcde").send().await.unwrap();
    assert_eq!((sent.status().as_u16(), offset(&sent)), (204, 5));
    let standing = head(&app, &upload).await;
    assert_eq!(standing.headers()["upload-defer-length"], "1");
    assert!(!standing.headers().contains_key("upload-length"));
    // However long it may be, there is a limit.
    let much = patch(&app, &upload, 5, &vec![0; 1 << 20]).send().await.unwrap();
    assert_problem(much, 413, "too_large").await;
    let too_short = patch(&app, &upload, 5, b"").header("Upload-Length", 4);
    assert_problem(too_short.send().await.unwrap(), 400, "invalid_request").await;
    let told = patch(&app, &upload, 5, b"").header("Upload-Length", 8);
    assert_eq!(told.send().await.unwrap().status(), 204);
    let standing = head(&app, &upload).await;
    assert_eq!(
        (offset(&standing), &standing.headers()["upload-length"]),
        (5, &"8".parse().unwrap())
    );
    let again = patch(&app, &upload, 5, b"").header("Upload-Length", 9);
    assert_problem(again.send().await.unwrap(), 400, "invalid_request").await;
    let more = patch(&app, &upload, 5, b"fghi").send().await.unwrap();
    assert_problem(more, 413, "too_large").await;
    let last = patch(&app, &upload, 5, b"fgh").send().await.unwrap();
    assert_problem(last, 422, "not_a_video").await;
    app.finish().await;
}

/// Begins a part of a larger upload, and sends it.
async fn part(app: &TestApp, bytes: &[u8], sent: usize) -> String {
    let begun = tus(app, Method::POST, "/api/uploads")
        .header("Upload-Length", bytes.len())
        .header("Upload-Concat", "partial")
        .send()
        .await
        .unwrap();
    assert_eq!(begun.status(), 201);
    assert!(
        !begun.headers().contains_key("content-location"),
        "a part has no clip"
    );
    let upload = begun.headers()["location"].to_str().unwrap().to_owned();
    let sent = patch(app, &upload, 0, &bytes[..sent]).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    upload
}

#[actix::test]
async fn parts_that_were_sent_beside_each_other_become_one_clip() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 2, &[]);
    let bytes = std::fs::read(file).unwrap();
    let (one, other) = bytes.split_at(bytes.len() / 3);
    // The last is begun first.
    let other = part(&app, other, other.len()).await;
    let half = part(&app, one, 10).await;
    let join = |parts: &[&str]| {
        tus(&app, Method::POST, "/api/uploads")
            .header("Upload-Concat", format!("final;{}", parts.join(" ")))
            .header("Upload-Metadata", format!("title {}", encoded("Joined")))
    };
    let unfinished = join(&[&half, &other]).send().await.unwrap();
    assert_problem(unfinished, 409, "upload_offset").await;
    let standing = head(&app, &half).await;
    assert_eq!(
        (offset(&standing), &standing.headers()["upload-concat"]),
        (10, &"partial".parse().unwrap())
    );
    assert_eq!(
        patch(&app, &half, 10, &one[10..]).send().await.unwrap().status(),
        204
    );
    let whole = create(&app, 5, "").await;
    let no_part = join(&[&whole, &other]).send().await.unwrap();
    assert_problem(no_part, 400, "invalid_request").await;
    assert_eq!(
        tus(&app, Method::DELETE, &whole).send().await.unwrap().status(),
        204
    );
    let gone = join(&[&half, "/api/uploads/0190f8a0-0000-7000-8000-000000000000"]);
    assert_problem(gone.send().await.unwrap(), 404, "upload_not_found").await;
    let twice = join(&[&half, &half]).send().await.unwrap();
    assert_problem(twice, 400, "invalid_request").await;

    let joined = join(&[&app.url(&half), &other]).send().await.unwrap();
    assert_eq!(joined.status(), 201, "{joined:?}");
    let clip = app
        .json(joined.headers()["content-location"].to_str().unwrap())
        .await;
    assert_eq!(clip["title"], "Joined");
    let sha256 = hex::encode(Sha256::digest(&bytes));
    assert_eq!(
        files_below(&app.folder.path().join("data/video")),
        [format!("{}/source/{sha256}", clip["id"].as_str().unwrap())]
    );
    for part in [&half, &other] {
        assert_eq!(head(&app, part).await.status(), 404, "a part of a whole is gone");
    }
    app.finish().await;
}

#[actix::test]
async fn walk_with_tus_js_client() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 6, &[]);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() > 300_000, "{}", bytes.len());
    let (address, path) = (app.url(""), file.to_str().unwrap().to_owned());
    let told = tokio::task::spawn_blocking(move || told("e2e/tus.mjs", &[&address, &path, KEY]));
    let told = told.await.unwrap();
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let mut stored = files_below(&app.folder.path().join("data/video"));
    for (clip, title) in told["clips"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["whole", "resumed", "parts", "stream"])
    {
        let clip = app.json(clip.as_str().unwrap()).await;
        assert_eq!(
            (&clip["title"], &clip["encoding"]["state"]),
            (&json!(title), &json!("queued"))
        );
        let source = format!("{}/source/{sha256}", clip["id"].as_str().unwrap());
        stored.retain(|path| *path != source);
    }
    assert_eq!(
        (told["clips"].as_array().unwrap().len(), stored.len()),
        (4, 0),
        "{told} {stored:?}"
    );
    app.finish().await;
}

#[actix::test]
async fn parts_that_do_not_have_their_checksum_are_sent_again() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let upload = create(&app, 10, &format!("title {}", encoded("Sums"))).await;
    let right = hex::encode(Sha256::digest(b"abcde"));
    let sum = |hex: &str| {
        use base64::Engine;
        format!(
            "sha256 {}",
            base64::prelude::BASE64_STANDARD.encode(hex::decode(hex).unwrap())
        )
    };
    let damaged = patch(&app, &upload, 0, b"abcdX").header("Upload-Checksum", sum(&right));
    assert_problem(damaged.send().await.unwrap(), 460, "checksum_mismatch").await;
    assert_eq!(offset(&head(&app, &upload).await), 0);
    let whole = patch(&app, &upload, 0, b"abcde").header("Upload-Checksum", sum(&right));
    assert_eq!(offset(&whole.send().await.unwrap()), 5);
    let unknown = patch(&app, &upload, 5, b"fghij").header("Upload-Checksum", "crc32 AAAA");
    assert_problem(unknown.send().await.unwrap(), 400, "invalid_request").await;
    // The last part brings the check of the content.
    let last = patch(&app, &upload, 5, b"fghij").send().await.unwrap();
    assert_problem(last, 422, "not_a_video").await;
    assert_eq!(
        files_below(&app.folder.path().join("data/video")),
        Vec::<String>::new()
    );
    app.finish().await;
}

#[actix::test]
async fn requests_that_are_not_tus_are_told_what_is_missing() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let options = app
        .client
        .request(Method::OPTIONS, app.url("/api/uploads"))
        .send()
        .await
        .unwrap();
    assert_eq!(options.headers()["tus-version"], "1.0.0");
    assert!(
        options.headers()["tus-extension"]
            .to_str()
            .unwrap()
            .contains("creation")
    );
    let plain = app
        .client
        .post(app.url("/api/uploads"))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    assert_problem(plain, 412, "tus_version").await;
    let no_length = tus(&app, Method::POST, "/api/uploads").send().await.unwrap();
    assert_problem(no_length, 400, "invalid_request").await;
    let huge = tus(&app, Method::POST, "/api/uploads").header("Upload-Length", u64::MAX);
    assert_problem(huge.send().await.unwrap(), 413, "too_large").await;
    let stranger = app
        .client
        .post(app.url("/api/uploads"))
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", 5)
        .send()
        .await
        .unwrap();
    assert_problem(stranger, 401, "unauthorized").await;
    let upload = create(&app, 5, &format!("title {}", encoded("x"))).await;
    let too_much = patch(&app, &upload, 0, b"abcdef").send().await.unwrap();
    assert_problem(too_much, 413, "too_large").await;
    let form = tus(&app, Method::PATCH, &upload)
        .header("Upload-Offset", 0)
        .body("abc");
    assert_problem(form.send().await.unwrap(), 415, "unsupported_media_type").await;
    assert_eq!(
        tus(&app, Method::DELETE, &upload).send().await.unwrap().status(),
        204
    );
    assert_eq!(head(&app, &upload).await.status(), 404);
    assert_eq!(
        files_below(&app.folder.path().join("data/video")),
        Vec::<String>::new()
    );
    app.finish().await;
}

/// The encoder of the process gets the beginning of a file whose index comes first, before the end has arrived.
#[actix::test]
async fn walk_what_has_arrived_is_encoded_while_the_rest_is_on_its_way() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let whole = app.folder.path().join("first.mp4");
    let real = footage::full_hd();
    footage::ffmpeg(&[
        "-i",
        real.to_str().unwrap(),
        "-c",
        "copy",
        "-movflags",
        "+faststart",
        whole.to_str().unwrap(),
    ]);
    let bytes = std::fs::read(&whole).unwrap();
    let (most, rest) = bytes.split_at(bytes.len() * 2 / 3);
    let upload = create(&app, bytes.len(), &format!("title {}", encoded("Ahead"))).await;
    assert_eq!(patch(&app, &upload, 0, most).send().await.unwrap().status(), 204);
    let id = upload.rsplit('/').next().unwrap();
    let ahead = app.folder.path().join(format!("data/video/.incoming/{id}/ahead"));
    app.until("segments to be encoded ahead", async || {
        let made = std::fs::read_to_string(ahead.join("ahead.json")).ok()?;
        let size = |name: &str| std::fs::metadata(ahead.join(name)).map_or(0, |file| file.len());
        (made.contains("\"1080p\"") && size("ahead-0-1080p.ts") > 4_000_000).then_some(())
    })
    .await;
    let sent = patch(&app, &upload, most.len(), rest).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    let clip = app
        .json(sent.headers()["content-location"].to_str().unwrap())
        .await;
    let (id, slug) = (clip["id"].as_str().unwrap(), clip["slug"].as_str().unwrap());
    let kept = files_below(&app.folder.path().join(format!("data/video/{id}/source")));
    assert!(
        kept.iter().any(|name| name.ends_with(".ahead/ahead.json")),
        "{kept:?}"
    );
    app.start_encoder();
    let clip = app.ended(slug).await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    for quality in ["480p", "720p", "1080p"] {
        let url = app.url(&format!("/api/video/{slug}/{quality}.m3u8"));
        let frames = footage::ffprobe(&[
            "-count_packets",
            "-select_streams",
            "v",
            "-show_entries",
            "stream=nb_read_packets",
            "-of",
            "csv=p=0",
            &url,
        ]);
        assert_eq!(frames.lines().next(), Some("720"), "{quality}");
        footage::ffmpeg(&["-i", &url, "-f", "null", "-"]);
    }
    let left = files_below(&app.folder.path().join("data/video"));
    assert!(!left.iter().any(|name| name.contains("ahead")), "{left:?}");
    app.finish().await;
}
