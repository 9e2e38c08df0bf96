use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases!(
    it_is_alive_and_ready,
    metrics_count_what_happened,
    readiness_says_what_is_wrong
);

async fn it_is_alive_and_ready(app: &TestApp) {
    assert_eq!(app.json("/healthz").await["status"], "ok");
    let ready = app.json("/readyz").await;
    assert_eq!(ready["ready"], true, "{ready}");
}

async fn metrics_count_what_happened(app: &TestApp) {
    app.register("counted").await;
    let text = app.text("/metrics").await;
    for line in [
        "clipper_commands_total{command=\"register\",outcome=\"accepted\"}",
        "clipper_events_appended_total{log=\"clip\"}",
        "clipper_projection_lag_events{projection=\"clips\"} 0",
        "clipper_encode_queue_depth{class=\"fresh\"} 0",
        "clipper_http_requests_total{route=\"/api/clips\",method=\"POST\",status=\"201\"}",
        "clipper_append_duration_seconds_bucket{log=\"clip\"",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

async fn readiness_says_what_is_wrong(app: &TestApp) {
    let incoming = app.folder.path().join("data/video/.incoming");
    std::fs::remove_dir(&incoming).unwrap();
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let report: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(report["ready"], false);
    assert_ne!(report["checks"]["storage"], "ok");
    assert_eq!(report["checks"]["database"], "ok");
    std::fs::create_dir(&incoming).unwrap();
}
