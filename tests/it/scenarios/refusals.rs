//! Every refusal of a sandbox call is a problem (RFC 9457).

use reqwest::Method;
use serde_json::Value;

use super::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_sandbox_is_a_problem() {
    let scene = Scene::open().await;
    for (method, path, status) in [
        (Method::DELETE, "/sandbox/faults/nope", 400),
        (Method::DELETE, "/sandbox/faults/019ac000-0000-7000-8000-000000000000", 404),
        (Method::DELETE, "/sandbox/snapshots/nope", 400),
        (Method::POST, "/sandbox/snapshots/nope/restore", 400),
        (Method::POST, "/sandbox/snapshots/019ac000-0000-7000-8000-000000000000/restore", 404),
        (Method::POST, "/sandbox/consents/%FF", 400),
        (Method::POST, "/sandbox/mandates/%FF", 400),
        (Method::POST, "/sandbox/payments/%FF", 400),
        (Method::POST, "/sandbox/inbox/%FF/v3", 400),
        (Method::GET, "/sandbox/inbox/%FF", 400),
        (Method::GET, "/sandbox/traffic/%FF", 400),
        (Method::GET, "/sandbox/otp/%FF", 400),
        (Method::GET, "/sandbox/otp/a%00b", 400),
        (Method::GET, "/sandbox/inbox/LSP-DEMO?cursor=x", 400),
        (Method::GET, "/sandbox/scenario", 400),
        (Method::POST, "/sandbox/clock", 400),
        (Method::PUT, "/sandbox/clock", 405),
        (Method::GET, "/sandbox/sign", 405),
        (Method::PUT, "/sandbox/probe", 405),
        (Method::PATCH, "/sandbox/inbox/LSP-DEMO", 405),
        (Method::GET, "/sandbox/nowhere", 404),
    ] {
        let url = format!("{}{path}", scene.server.admin);
        let answer = scene.server.http.request(method.clone(), url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["status"], status, "{method} {path}: {body}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{method} {path}: {body}");
    }
}
