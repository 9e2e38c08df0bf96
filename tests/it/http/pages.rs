use crate::support::app::{TestApp, assert_problem};
use crate::support::database::Backend;

#[actix::test]
async fn every_page_is_there_with_its_scripts() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for path in ["/", "/watch/any-clip", "/upload"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(
            answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert!(answer.headers().contains_key("content-security-policy"));
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
